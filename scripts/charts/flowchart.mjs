/**
 * @typedef {import('xstate').AnyStateNode} StateNode
 * @typedef {{ from: string, to: string, label: string }} Edge
 */

/**
 * A statechart as a Mermaid flowchart.
 *
 * A flowchart and not a state diagram: Mermaid's state diagrams cannot have transitions between the insides of two
 * compound states.
 *
 * @param {import('xstate').AnyStateMachine} machine
 * @returns {string}
 */
export function flowchartOf(machine) {
  const lines = ['flowchart TD', ...insideOf(machine.root, '  ')];
  for (const { from, to, label } of edgesOf(machine.root)) {
    lines.push(`  ${from} -->|"${label}"| ${to}`);
  }
  return lines.join('\n');
}

/**
 * The states of a compound state, nested as they are.
 *
 * @param {StateNode} node
 * @param {string} indent
 * @returns {string[]}
 */
function insideOf(node, indent) {
  const states = Object.values(node.states);
  const lines = states.flatMap((state) => {
    if (state.type === 'final') return [`${indent}${idOf(state)}((("${state.key}")))`];
    if (state.type === 'atomic') return [`${indent}${idOf(state)}(["${state.key}"])`];
    return [
      `${indent}subgraph ${idOf(state)}["${state.key}"]`,
      ...insideOf(state, `${indent}  `),
      `${indent}end`,
    ];
  });
  const [first] = node.initial.target ?? [];
  if (node.type !== 'compound' || first === undefined) return lines;
  const start = `${idOf(node)}_start`;
  return [...lines, `${indent}${start}(( ))`, `${indent}${start} --> ${idOf(first)}`];
}

/**
 * Every way from one state to another; ways between the same two share an arrow.
 *
 * @param {StateNode} root
 * @returns {Edge[]}
 */
function edgesOf(root) {
  /** @type {Map<string, { from: string, to: string, labels: Set<string> }>} */
  const edges = new Map();
  for (const node of [root, ...descendantsOf(root)]) {
    for (const transition of [...node.transitions.values(), node.always ?? []].flat()) {
      for (const target of transition.target ?? []) {
        const [from, to] = [idOf(node), idOf(target)];
        const edge = edges.get(`${from} ${to}`) ?? { from, to, labels: new Set() };
        edge.labels.add(labelOf(transition));
        edges.set(`${from} ${to}`, edge);
      }
    }
  }
  return Array.from(edges.values(), ({ from, to, labels }) => ({
    from,
    to,
    label: [...labels].join('<br/>'),
  }));
}

/**
 * @param {StateNode} node
 * @returns {StateNode[]}
 */
function descendantsOf(node) {
  return Object.values(node.states).flatMap((state) => [state, ...descendantsOf(state)]);
}

/** @param {import('xstate').AnyTransitionDefinition} transition */
function labelOf({ eventType, guard }) {
  const name = typeof guard === 'object' && guard !== null && 'type' in guard ? guard.type : guard;
  const condition = name === undefined ? '' : `[${String(name)}]`;
  return `${eventName(eventType)} ${condition}`.trim() || 'otherwise';
}

/**
 * XState's own names in words: `xstate.after.termTimeout.x.asking` is `after termTimeout`.
 *
 * @param {string} eventType
 */
function eventName(eventType) {
  const after = /^xstate\.after\.([^.]+)\./.exec(eventType);
  if (after) return `after ${after[1]}`;
  const done = /^xstate\.done\.(actor|state)\.(.+)$/.exec(eventType);
  if (done) return `${done[2]?.split('.').at(-1)} is done`;
  return eventType;
}

/** @param {StateNode} node */
function idOf(node) {
  return [node.machine.id, ...node.path].join('_');
}
