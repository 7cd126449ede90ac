import { subjectOf, type Segment } from './canonical.ts';
import { supervisorsOf, type Scenario } from './scenario.ts';

/** Whose log a line is from. */
export type Side = 'otp' | 'ours';

/** What a rewriting may look at. */
export interface Facts {
  /** Whether a supervisor is a dynamic one. */
  isDynamic(id: string): boolean;
  /** Whether children of it were stopped by hand while it was held, so perhaps while they were being restarted. */
  isStoppedInHold(id: string): boolean;
}

/**
 * One thing that OTP 25 and we do differently on purpose, and how both are written alike.
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
  /** Why. */
  readonly why: string;
  /** Set while it is a fault of ours that is to be mended: what is wrong. */
  readonly fault?: string;
  /** Whether two logs of this scenario may differ in ways that cannot be written alike; looked at only if they do. */
  readonly excuses?: (otp: readonly Segment[]) => boolean;
  /** The events of a segment in another order. */
  readonly order?: (events: readonly string[]) => readonly string[];
  /** A line rewritten; the line itself where it does not apply; `undefined` to leave it out. */
  readonly event?: (line: string, side: Side, facts: Facts) => string | undefined;
  /** The same for what calls brought. */
  readonly answer?: (line: string, side: Side, facts: Facts) => string | undefined;
}

/** All of them. */
export const differences: readonly Difference[] = [
  {
    id: 'start-function-raises',
    rules: ['SUP-004'],
    otp: "What a start function raises, or exits with, comes as `{'EXIT', Reason}`.",
    ours: 'It comes as the reason itself.',
    why: 'An exit reason has a closed set of kinds; the wrapper says nothing that anybody decides by.',
    event: withoutExit,
    answer: withoutExit,
  },
  {
    id: 'taken-name-unwrapped',
    rules: ['SUP-014'],
    otp: '`start_child` of a child whose name is taken: `{error, {{already_started, Pid}, Child}}`.',
    ours: '`{ kind: "alreadyStarted", pid }`, as newest OTP does.',
    why: 'OTP changed it after 25.',
    answer: (line) =>
      line.replace(/^(\S+ (?:start|restart)_child \S+: error )start_failed (already_started)/, '$1$2'),
  },
  {
    id: 'unlinked-and-dead',
    rules: ['SUP-027'],
    otp: 'Stopping a child that had removed its link and is dead is reported with the reason `noproc`.',
    ours: 'The reason is `childProcessUnlinked`, as newest OTP has it.',
    why: 'OTP changed it after 25.',
    event: (line) =>
      line.replace(
        /^(report \S+ shutdown_error \S+) \((?:noproc|childProcessUnlinked)\)/,
        '$1 (noproc or unlinked)',
      ),
  },
  {
    id: 'report-of-sibling',
    rules: ['SHD-007', 'STR-013'],
    otp: 'A child that dies by itself while a sibling is being stopped is reported when its own turn comes.',
    ours: 'It is reported when its EXIT arrives, so earlier.',
    why: 'The statechart takes the EXIT as an event; what is reported is the same, once.',
    order: reportsAtEnds,
  },
  {
    id: 'start-error-pid',
    rules: ['RPT-003'],
    otp: 'The offender of a `start_error` in a group restart has no pid.',
    ours: 'It has its old pid, as under one_for_one.',
    why: '',
    fault: 'the offender of a failed start in a group restart should have no pid',
    event: (line) => line.replace(/^(report \S+ start_error \S+ \(.*\)) .*$/, '$1'),
  },
  {
    id: 'giving-up-restarting',
    rules: ['RPT-001', 'RPT-003', 'INT-010'],
    otp: 'The report of giving up after a failed restart has `{restarting, Pid}` for a pid.',
    ours: 'It has the old pid and is not marked as restarting.',
    why: '',
    fault: 'the report of giving up says restarting: false for a child whose restart failed',
    event: (line) =>
      line.replace(/^(report \S+ shutdown \S+ \(reached_max_restart_intensity\)) .*$/, '$1'),
  },
  {
    id: 'retry-overtaken',
    rules: ['STR-016', 'STR-019'],
    otp: 'A retry is put at the end of the mailbox when the restart fails.',
    ours: 'It is put there one round of the event loop later; what comes in between is handled first.',
    why: 'Timers and I/O must get their turn between attempts.',
    excuses: (otp) => otp.some(({ events }) => isOvertaking(events)),
  },
  {
    id: 'dynamic-counts',
    rules: ['DYN-004', 'DYN-018'],
    otp: '`simple_one_for_one` counts its one child specification.',
    ours: 'A dynamic supervisor has no specification of its own: `specs` is the number of children.',
    why: 'Ours is Elixir’s DynamicSupervisor, where every child brings its specification.',
    answer: (line, _, { isDynamic, isStoppedInHold }) => {
      const [, id = '', active, workers] =
        /^(\S+) count_children: specs \d+ active (-?\d+) supervisors 0 workers (\d+)$/.exec(line) ?? [];
      if (!isDynamic(id)) return line;
      // Its count of active children is wrong there after such a stop (DYN-006).
      const counted = isStoppedInHold(id) ? '' : ` active ${String(active)}`;
      return `${id} count_children:${counted} workers ${String(workers)}`;
    },
  },
  {
    id: 'dynamic-terminate-dead',
    rules: ['DYN-003', 'DYN-017'],
    otp: '`terminate_child` with the pid of a process that is dead: `ok`.',
    ours: '`notFound`, as for any other pid that is no child.',
    why: 'Ours is Elixir’s DynamicSupervisor.',
    answer: (line, side, { isDynamic }) => {
      const [, id = ''] = /^(\S+) terminate_child \S+: error not_found$/.exec(line) ?? [];
      return side === 'ours' && isDynamic(id) ? line.replace('error not_found', 'ok') : line;
    },
  },
  {
    id: 'dynamic-reports',
    rules: ['DYN-009', 'DYN-020'],
    otp: 'A stop is reported once for each reason, with a count; `{shutdown, X}` of a permanent child too.',
    ours: 'Once for each child, with its pid and id; `{shutdown, X}` is never reported.',
    why: 'Ours is Elixir’s DynamicSupervisor.',
    event: (line, _, { isDynamic }) => {
      const [, by = '', context = '', rest = ''] =
        /^report (\S+)#\d+ (\S+) \S+ (\(.*)$/.exec(line) ?? [];
      if (!isDynamic(by)) return line;
      if (context === 'shutdown_error') return undefined;
      return `report ${subjectOf(line)} ${context} ${rest}`;
    },
  },
];

/** Writes alike what differs on purpose; counts each rewriting. */
export function normalised(
  segments: readonly Segment[],
  side: Side,
  scenario: Scenario,
  counts: Map<string, number>,
): readonly Segment[] {
  const facts = factsOf(scenario);
  const rewrite = (kind: 'event' | 'answer', line: string): string[] => {
    let text: string | undefined = line;
    for (const difference of differences) {
      const before: string = text;
      text = difference[kind]?.(before, side, facts) ?? (difference[kind] ? undefined : before);
      if (text !== before) counts.set(difference.id, (counts.get(difference.id) ?? 0) + 1);
      if (text === undefined) return [];
    }
    return [text];
  };
  const reorder = (events: readonly string[]): readonly string[] => {
    let lines = events;
    for (const { id, order } of differences) {
      const before = lines;
      lines = order?.(before) ?? before;
      if (lines.some((line, index) => line !== before[index])) {
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
    }
    return lines;
  };
  return segments.map(({ step, events, answers }) => ({
    step,
    events: reorder(events.flatMap((line) => rewrite('event', line))),
    answers: answers.flatMap((line) => rewrite('answer', line)),
  }));
}

/** After a failed restart, somebody was started who makes an exit signal at once. */
function isOvertaking(events: readonly string[]): boolean {
  const failed = events.findIndex((event) => /^report \S+ start_error /.test(event));
  return failed !== -1 && events.slice(failed).some((event) => / (?:killing|thenStop) /.test(event));
}

/** Each report of an unexpected end right after that end. */
function reportsAtEnds(events: readonly string[]): readonly string[] {
  const result: string[] = [];
  for (const event of events) {
    const [, who] = /^report \S+ shutdown_error \S+ \(.*\) (\S+#\d+)$/.exec(event) ?? [];
    const end = result.findIndex((one) => one.startsWith(`end ${who ?? ''} `));
    if (end === -1) result.push(event);
    else result.splice(end + 1, 0, event);
  }
  return result;
}

function withoutExit(line: string): string {
  return line.replaceAll(/EXIT (?=\S)/g, '');
}

function factsOf({ tree, steps }: Scenario): Facts {
  const dynamic = new Set(
    supervisorsOf(tree).flatMap(({ id, kind }) => (kind === 'dynamic' ? [id] : [])),
  );
  const stopped = new Set(
    steps.flatMap((step) =>
      step.do === 'hold'
        ? step.steps.flatMap((one) =>
            one.do === 'call' && one.call === 'terminate_child' ? [one.on] : [],
          )
        : [],
    ),
  );
  return { isDynamic: (id) => dynamic.has(id), isStoppedInHold: (id) => stopped.has(id) };
}

/** A fault or rule that may make these logs differ, if there is one. */
export function excuseFor(otp: readonly Segment[]): Difference | undefined {
  return differences.find(({ excuses }) => excuses?.(otp) === true);
}
