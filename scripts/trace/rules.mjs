/**
 * The rules of Erlang/OTP that the runtime keeps, by section: each is numbered from 001 without a gap.
 *
 * @type {readonly (readonly [family: string, last: number])[]}
 */
const FAMILIES = [
  ['PRC', 23], // processes, links, exit signals
  ['MON', 5], // monitors
  ['MSG', 8], // messages and mailbox
  ['NAM', 6], // registered names
  ['TMR', 7], // timers and clock
  ['GEN', 33], // GenServer
  ['SPEC', 16], // supervisor flags and child specifications
  ['SUP', 27], // supervisor: start and administration
  ['STR', 25], // strategies and restart
  ['INT', 12], // restart intensity
  ['SHD', 14], // shutdown
  ['AUT', 10], // significant children
  ['RPT', 6], // reports
  ['DYN', 21], // dynamic supervisors
  ['PAR', 6], // PartitionSupervisor
  ['TSK', 11], // Task and Task.Supervisor
  ['RGY', 10], // Registry
  ['APP', 11], // application
  ['SYS', 9], // debugging
];

/** The id of every rule: PRC-001 … SYS-009. */
export const ruleIds = FAMILIES.flatMap(([family, last]) =>
  Array.from({ length: last }, (_, index) => `${family}-${String(index + 1).padStart(3, '0')}`),
);

const families = new Set(FAMILIES.map(([family]) => family));

/**
 * Whether an id looks like that of a rule and is none: a slip of the pen.
 *
 * @param {string} id
 */
export function isNoRule(id) {
  return families.has(id.split('-')[0] ?? '') && !ruleIds.includes(id);
}
