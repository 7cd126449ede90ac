import { ordered, segmentsOf, type Segment } from './canonical.ts';
import { excuseFor } from './differences.ts';
import { count, normalised, type Counts } from './normalised.ts';
import type { Side } from './rewriting.ts';
import type { Scenario } from './scenario.ts';

/** How two logs of a scenario compare. */
export interface Verdict {
  /** Whether they say the same; also when the table of differences excuses it. */
  readonly same: boolean;
  /** The difference of the table that excuses them, if they are not the same. */
  readonly excuse?: string | undefined;
  /** Both, written alike. */
  readonly otp: readonly string[];
  readonly ours: readonly string[];
}

/**
 * Compares the logs of both sides.
 *
 * @param met - Counts how often each difference of the table was met.
 */
export function compare(
  scenario: Scenario,
  otpLog: readonly string[],
  ourLog: readonly string[],
  met: Counts = new Map(),
): Verdict {
  const canonical = (log: readonly string[], side: Side): readonly Segment[] =>
    ordered(normalised(segmentsOf(log), side, scenario, met), scenario);
  const otp = linesOf(canonical(otpLog, 'otp'));
  const ours = linesOf(canonical(ourLog, 'ours'));
  const same = isEqual(otp, ours);
  const excuse = same ? undefined : excuseFor(segmentsOf(otpLog), scenario)?.id;
  if (excuse !== undefined) count(met, excuse);
  return { same: same || excuse !== undefined, excuse, otp, ours };
}

/** Whether two logs have the same lines. */
export function isEqual(otp: readonly string[], ours: readonly string[]): boolean {
  return otp.length === ours.length && otp.every((line, index) => line === ours[index]);
}

/** Two logs beside each other; `|` marks lines that are not equal. */
export function sideBySide(otp: readonly string[], ours: readonly string[]): string {
  const width = Math.max(...otp.map(({ length }) => length), 'Erlang/OTP'.length) + 1;
  const rows = Array.from({ length: Math.max(otp.length, ours.length) }, (_, index) => {
    const [left = '', right = ''] = [otp[index], ours[index]];
    return `${left.padEnd(width)}${left === right ? ' ' : '|'} ${right}`;
  });
  return [`${'Erlang/OTP'.padEnd(width)}  ours`, ...rows].join('\n');
}

/** Which rules may be at work where two logs part. */
export function rulesFor(otp: readonly string[], ours: readonly string[]): readonly string[] {
  const at = otp.findIndex((line, index) => line !== ours[index]);
  const index = at === -1 ? otp.length : at;
  const lines = [otp[index], ours[index]].filter((line) => line !== undefined);
  const rules = hints.flatMap(([pattern, found]) =>
    lines.some((line) => pattern.test(line)) ? found : [],
  );
  return [...new Set(rules)];
}

const hints: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^start /, ['STR-006', 'STR-007', 'STR-008', 'STR-009', 'STR-016', 'STR-020', 'STR-021']],
  [/^(?:term|end) /, ['SHD-001', 'SHD-002', 'SHD-009', 'SHD-011', 'STR-007', 'AUT-002', 'AUT-004']],
  [/^report \S+ start_error/, ['RPT-003', 'STR-016']],
  [/^report \S+ child_terminated/, ['RPT-002', 'STR-001', 'STR-002']],
  [/^report \S+ shutdown_error/, ['SHD-006', 'SHD-007', 'SUP-027']],
  [/^report \S+ shutdown /, ['INT-002', 'INT-003', 'INT-009', 'INT-010']],
  [/^info /, ['PRC-006', 'PRC-007', 'GEN-028']],
  [/ start_child /, ['SUP-012', 'SUP-013', 'SUP-014', 'SUP-015', 'DYN-002']],
  [/ terminate_child /, ['SUP-016', 'SUP-017', 'DYN-003', 'DYN-017']],
  [/ restart_child /, ['SUP-018', 'SUP-020']],
  [/ delete_child /, ['SUP-019']],
  [/ which_children/, ['SUP-021', 'DYN-004']],
  [/ count_children/, ['SUP-022', 'DYN-004', 'DYN-018']],
  [/ get_childspec/, ['SUP-023']],
  [/: exit /, ['SUP-025', 'SHD-014']],
];

function linesOf(segments: readonly Segment[]): readonly string[] {
  return segments.flatMap(({ step, events, answers }) => [
    `step ${step}`,
    ...events,
    ...answers.map((answer) => `> ${answer}`),
  ]);
}
