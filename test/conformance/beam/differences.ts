import type { Segment } from './canonical.ts';
import {
  isOvertaken,
  withoutExitWrapper,
  withoutMemberIds,
  withoutMemberSpecs,
  withoutPidInGroup,
  withoutUnlinkedReason,
  withTakenNameUnwrapped,
  withTerminatedDead,
} from './rewriting.ts';
import type { Reordering, Rewriting } from './rewriting.ts';
import type { Scenario } from './scenario.ts';

/**
 * One thing that OTP 25 and we do differently, and how both are written alike.
 *
 * Nothing else is forgiven: what is not in this table is a failure.
 */
export interface Difference {
  /** Names it in the count of a run. */
  readonly id: string;
  /** Rules of the OTP reference that say so. */
  readonly rules: readonly string[];
  /** What OTP 25 does. */
  readonly otp: string;
  /** What we do. */
  readonly ours: string;
  /** Why; or that it is a fault, to be mended. */
  readonly why: string;
  /** Set while it is a fault of ours: a run says how often it was met. */
  readonly isFault?: boolean;
  /** Lines about events, rewritten. */
  readonly event?: Rewriting;
  /** Lines about what calls brought, rewritten. */
  readonly answer?: Rewriting;
  /** The events of a segment in another order. */
  readonly order?: Reordering;
  /** Whether the logs may differ in ways that cannot be written alike; asked only if they do. */
  readonly excuses?: (otp: readonly Segment[], scenario: Scenario) => boolean;
}

/** All of them. */
export const differences: readonly Difference[] = [
  {
    id: 'start-function-raises',
    rules: ['SUP-004'],
    otp: "What a start function raises, or exits with, comes as `{'EXIT', Reason}`.",
    ours: 'It comes as the reason itself.',
    why: 'An exit reason has a closed set of kinds; nobody decides by the wrapper.',
    event: withoutExitWrapper,
    answer: withoutExitWrapper,
  },
  {
    id: 'taken-name-unwrapped',
    rules: ['SUP-014'],
    otp: '`start_child` of a child whose name is taken gives `{error, {{already_started, Pid}, Child}}`.',
    ours: '`{ kind: "alreadyStarted", pid }`.',
    why: 'Newest OTP does so.',
    answer: withTakenNameUnwrapped,
  },
  {
    id: 'unlinked-and-dead',
    rules: ['SUP-027'],
    otp: 'Stopping a child that had removed its link and is dead is reported with the reason `noproc`.',
    ours: 'The reason is `childProcessUnlinked`.',
    why: 'Newest OTP does so.',
    event: withoutUnlinkedReason,
  },
  {
    id: 'giving-up-in-group',
    rules: ['RPT-003', 'INT-010'],
    otp: 'The report of giving up after a failed group restart names the old pid of the child whose end began it, not those of others.',
    ours: 'It names none.',
    why: 'The reports of the failed starts before it name none either.',
    event: withoutPidInGroup,
  },
  {
    id: 'retry-overtaken',
    rules: ['STR-019', 'MSG-002', 'MSG-007'],
    otp: 'A supervisor that tries a restart again does so without a pause, so mostly before another one that is at work at the same time does anything.',
    ours: 'It lets timers and I/O through first; one above or below it that is at work at the same time may be faster.',
    why: 'What blocks the start could never go away. Nothing is promised about two processes at once, but that both do their own work in order.',
    excuses: (otp, scenario) => otp.some(({ events }) => isOvertaken(events, scenario)),
  },
  {
    id: 'dynamic-specs',
    rules: ['DYN-004', 'DYN-018'],
    otp: '`simple_one_for_one` counts its one child specification; and one active child too few once a restarting child was stopped (DYN-006).',
    ours: 'A dynamic supervisor has no specification of its own: `specs` is the number of children.',
    why: 'It is Elixir’s DynamicSupervisor, where every child brings its specification.',
    answer: withoutMemberSpecs,
  },
  {
    id: 'dynamic-terminate-dead',
    rules: ['DYN-003', 'DYN-017'],
    otp: '`terminate_child` with the pid of a process that is dead gives `ok`.',
    ours: '`notFound`, as for any other pid that is no child.',
    why: 'It is Elixir’s DynamicSupervisor.',
    answer: withTerminatedDead,
  },
  {
    id: 'dynamic-reports',
    rules: ['DYN-009', 'DYN-020'],
    otp: 'A stop is reported once for each reason, with a count; `{shutdown, X}` of a permanent child too.',
    ours: 'Once for each child, with its pid and id; `{shutdown, X}` never.',
    why: 'It is Elixir’s DynamicSupervisor. These reports are not compared.',
    event: withoutMemberIds,
  },
];

/** What is not played, because both sides are known to part there. */
export const notPlayed: readonly Pick<Difference, 'rules' | 'otp' | 'ours' | 'why'>[] = [
  {
    rules: ['DYN-005'],
    otp: 'A `simple_one_for_one` child that ignores its restart stays as a ghost; stopping it crashes the supervisor.',
    ours: 'It is dropped.',
    why: 'Newest OTP does so.',
  },
  {
    rules: ['GEN-008'],
    otp: '`{error, Reason}` from init is a bad return value.',
    ours: '`fail(reason)`: the start fails, the process ends `normal`, and nothing is reported.',
    why: 'Newest OTP does so.',
  },
  {
    rules: ['NAM-005', 'GEN-007'],
    otp: 'When init returns junk, the name of the process may still be taken when its start has failed.',
    ours: 'It is free.',
    why: 'As after every other failed start.',
  },
  {
    rules: ['SUP-026'],
    otp: 'An unknown cast crashes a supervisor.',
    ours: 'It is logged.',
    why: 'It cannot be told from a plain message.',
  },
  {
    rules: ['AUT-010'],
    otp: '`simple_one_for_one` accepts auto_shutdown.',
    ours: 'A dynamic supervisor accepts only `never`.',
    why: 'Newest OTP does so.',
  },
  {
    rules: ['SUP-004', 'SUP-012'],
    otp: 'A start function may give `{ok, Pid, Info}`.',
    ours: 'It gives a pid only.',
    why: 'What a child has to say it can be asked.',
  },
];

/** The difference that may make these logs differ, if there is one. */
export function excuseFor(otp: readonly Segment[], scenario: Scenario): Difference | undefined {
  return differences.find(({ excuses }) => excuses?.(otp, scenario) === true);
}
