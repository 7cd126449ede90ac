/**
 * @typedef {object} TreeRow
 * @property {string} lines the branches of the tree in front of it
 * @property {string} name
 * @property {boolean} isServer a plain server, that is, nothing with a statechart
 * @property {string} state where its statechart is
 * @property {string} pid that of the operating system where it has one, else that of the actor
 */

/**
 * The live processes as a tree: who was started by whom, and where their statecharts are.
 *
 * @param {import('snakepit').Snakepit} snakepit
 * @returns {TreeRow[]}
 */
export function readTree({ system }) {
  /** @type {Map<number, import('@snakepit/core').ProcessInfo[]>} */
  const children = new Map();
  for (const info of system.processes()) {
    const siblings = children.get(info.parent.id);
    if (siblings) siblings.push(info);
    else children.set(info.parent.id, [info]);
  }
  /** @type {TreeRow[]} */
  const rows = [];
  /** @type {(parent: number, lines: string, isRoot: boolean) => void} */
  const visit = (parent, lines, isRoot) => {
    const siblings = children.get(parent) ?? [];
    for (const [i, info] of siblings.entries()) {
      const isLast = i === siblings.length - 1;
      rows.push({
        lines: isRoot ? '' : `${lines}${isLast ? '└─ ' : '├─ '}`,
        name: shortName(info),
        isServer: info.behaviour === 'genServer',
        state: flatten(info.stateValue),
        pid: pidOf(info),
      });
      visit(info.pid.id, isRoot ? '' : `${lines}${isLast ? '   ' : '│  '}`, false);
    }
  };
  // Processes that somebody outside started, the root supervisor for one, have <0> as their parent.
  visit(0, '', true);
  return rows;
}

/**
 * `snakepit.worker.digits.digits_worker_1` becomes `worker digits_worker_1`.
 *
 * @param {import('@snakepit/core').ProcessInfo} info
 */
function shortName({ name, label }) {
  const parts = (name ?? label).split('.').slice(name?.includes('.') ? 1 : 0);
  return parts.length > 1 ? `${parts[0]} ${parts.at(-1)}` : parts.join('');
}

/** @param {import('@snakepit/core').ProcessInfo} info */
function pidOf({ pid, state }) {
  const { context } = /** @type {{ context?: { osPid?: number } }} */ (state ?? {});
  return context?.osPid === undefined ? String(pid) : `pid ${context.osPid}`;
}

/**
 * `{ ready: 'idle' }` becomes `ready.idle`.
 *
 * @param {unknown} value
 * @returns {string}
 */
function flatten(value) {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, inner]) => `${key}.${flatten(inner)}`)
    .join(' + ');
}

/**
 * The tree with neighbouring servers in one row, for screens that are too low.
 *
 * @param {TreeRow[]} rows
 * @returns {TreeRow[]}
 */
export function foldServers(rows) {
  /** @type {TreeRow[]} */
  const folded = [];
  for (const [i, row] of rows.entries()) {
    const above = folded.at(-1);
    const isMore = row.isServer && rows[i - 1]?.isServer === true;
    if (isMore && above?.lines === row.lines) {
      folded[folded.length - 1] = {
        ...above,
        name: `${above.name.split(' …')[0]} … ${row.name}`,
        pid: `${above.pid.split(' …')[0]} … ${row.pid}`,
      };
    } else folded.push(row);
  }
  return folded;
}

/** @param {TreeRow} row */
export function rowText({ lines, name, state, pid }) {
  return `${(lines + name).padEnd(44)} ${state.padEnd(23)} ${pid}`;
}
