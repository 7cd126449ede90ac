import type { Node, Scenario, Step, Worker } from './scenario.ts';

/** A scenario for people: the tree, one process a line, and the steps, numbered as in the logs. */
export function readable({ tree, steps }: Scenario): string {
  return [
    ...treeLines(tree, ''),
    ...steps.flatMap((step, index) => stepLines(step, index + 1)),
  ].join('\n');
}

function treeLines(node: Node, indent: string): string[] {
  const own = `${indent}${node.id}: ${node.kind === 'worker' ? workerText(node) : branchText(node)}`;
  const children = node.kind === 'supervisor' ? node.children : [];
  return [own, ...children.flatMap((child) => treeLines(child, `${indent}  `))];
}

function branchText(node: Exclude<Node, Worker>): string {
  const settings =
    node.kind === 'dynamic'
      ? `dynamic, intensity ${node.intensity}, children ${node.template.restart} ${node.template.shutdown}`
      : `${node.strategy}, intensity ${node.intensity}, autoShutdown ${node.auto}`;
  return `${settings} (${childText(node)})`;
}

function workerText(worker: Worker): string {
  const { temper, by, name, starts, lastWill } = worker;
  return [
    childText(worker),
    typeof temper === 'string' ? temper : temper.join(' '),
    ...(by === 'function' ? ['by a start function'] : []),
    ...(name === 'none' ? [] : [`named ${name}`]),
    ...(lastWill === 'none' ? [] : [`kills ${lastWill} when stopped`]),
    `starts: ${starts.map((one) => (typeof one === 'string' ? one : one.join(' '))).join(', ')}`,
  ].join(', ');
}

function childText({ restart, shutdown, significant }: Node): string {
  return `${restart}, shutdown ${shutdown}${significant ? ', significant' : ''}`;
}

function stepLines(step: Step, number: number | string): string[] {
  switch (step.do) {
    case 'hold':
    case 'suspend':
      return [
        `${number}. while ${step.on} is ${step.do === 'hold' ? 'held' : 'suspended'}:`,
        ...step.steps.flatMap((one) => stepLines(one, '   -')),
      ];
    case 'finish':
      return [`${number}. ${step.id} ends itself: ${step.how} ${step.reason}`];
    case 'signal':
      return [`${number}. exit signal to ${step.id}: ${step.reason}`];
    case 'unlink':
      return [`${number}. ${step.id} removes its link`];
    case 'query':
      return [`${number}. ${step.id} is called: ${step.how}`];
    case 'junk':
      return [`${number}. ${step.id} gets an unknown ${step.how}`];
    case 'call': {
      const about =
        step.call === 'start_child'
          ? ` ${step.child.id}: ${workerText(step.child)}`
          : 'id' in step
            ? ` ${step.id}`
            : '';
      return [`${number}. ${step.on} ${step.call}${about}`];
    }
  }
}
