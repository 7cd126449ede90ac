import { subjectOf } from './canonical.ts';
import { parentsOf, supervisorsOf, type Scenario } from './scenario.ts';

/** Whose log a line is from. */
export type Side = 'otp' | 'ours';

/** What a rewriting may look at. */
export interface Facts {
  /** Dynamic supervisors. */
  readonly dynamic: ReadonlySet<string>;
  /** Supervisors that restart children in groups. */
  readonly groups: ReadonlySet<string>;
  /** Supervisors that stopped children by hand while they were held, so perhaps while those were being restarted. */
  readonly stoppedInHold: ReadonlySet<string>;
}

/** A line rewritten; the line itself where it does not apply; `undefined` to leave it out. */
export type Rewriting = (line: string, side: Side, facts: Facts) => string | undefined;

/** Events in another order. */
export type Reordering = (events: readonly string[]) => readonly string[];

/** What there is to know about a scenario. */
export function factsOf({ tree, steps }: Scenario): Facts {
  const supervisors = supervisorsOf(tree);
  return {
    dynamic: new Set(supervisors.flatMap(({ id, kind }) => (kind === 'dynamic' ? [id] : []))),
    groups: new Set(
      supervisors.flatMap((node) =>
        node.kind === 'supervisor' && node.strategy !== 'oneForOne' ? [node.id] : [],
      ),
    ),
    stoppedInHold: new Set(
      steps.flatMap((step) => {
        if (!('steps' in step)) return [];
        return step.steps.flatMap((one) =>
          one.do === 'call' && one.call === 'terminate_child' ? [one.on] : [],
        );
      }),
    ),
  };
}

export const withoutExitWrapper: Rewriting = (line) => line.replaceAll(/EXIT (?=\S)/g, '');

export const withTakenNameUnwrapped: Rewriting = (line) =>
  line.replace(/^(\S+ start_child \S+: error )start_failed (already_started)/, '$1$2');

export const withoutUnlinkedReason: Rewriting = (line) =>
  line.replace(
    /^(report \S+ shutdown_error \S+) \((?:noproc|childProcessUnlinked)\)/,
    '$1 (noproc or unlinked)',
  );

export const withoutPidInGroup: Rewriting = (line, _, facts) => {
  const [, begin = '', id = ''] =
    /^(report (\S+)#\d+ shutdown \S+ \(\S+\) restarting) \S+$/.exec(line) ?? [];
  return facts.groups.has(id) ? begin : line;
};

export const withoutMemberSpecs: Rewriting = (line, _, facts) => {
  const [, id = '', active, workers] =
    /^(\S+) count_children: specs \d+ active (-?\d+) supervisors 0 workers (\d+)$/.exec(line) ?? [];
  if (!facts.dynamic.has(id) || active === undefined || workers === undefined) return line;
  const counted = facts.stoppedInHold.has(id) ? '' : ` active ${active}`;
  return `${id} count_children:${counted} workers ${workers}`;
};

export const withTerminatedDead: Rewriting = (line, side, facts) => {
  const [, id = ''] = /^(\S+) terminate_child \S+ \(dead\): error not_found$/.exec(line) ?? [];
  return side === 'ours' && facts.dynamic.has(id) ? line.replace('error not_found', 'ok') : line;
};

export const withoutMemberIds: Rewriting = (line, _, facts) => {
  const [, by = '', context = '', rest = ''] =
    /^report (\S+)#\d+ (\S+) \S+ (\(.*)$/.exec(line) ?? [];
  if (!facts.dynamic.has(by)) return line;
  return context === 'shutdown_error' ? undefined : `report ${subjectOf(line)} ${context} ${rest}`;
};

/**
 * Whether a supervisor that tried a restart again was at work at the same time as one above or below it: only children
 * that die while others start make that happen.
 */
export function isOvertaken(events: readonly string[], scenario: Scenario): boolean {
  if (!events.some((event) => / (?:killing|thenStop) /.test(event))) return false;
  const parents = parentsOf(scenario);
  const lineOf = (id: string): readonly string[] => {
    const above = parents.get(id);
    return above === undefined ? [] : [above, ...lineOf(above)];
  };
  const reporters = new Set(events.flatMap((event) => reporterOf(event, 'report') ?? []));
  const retrying = new Set(events.flatMap((event) => reporterOf(event, 'start_error') ?? []));
  return [...retrying].some((one) =>
    [...reporters].some((other) => lineOf(one).includes(other) || lineOf(other).includes(one)),
  );
}

/** The id of the supervisor that made a report. */
function reporterOf(event: string, context: string): string | undefined {
  const [, id] = /^report (\S+)#\d+ /.exec(event) ?? [];
  return event.includes(context) ? id : undefined;
}
