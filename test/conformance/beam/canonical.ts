import { parentsOf, supervisorsOf, type Scenario } from './scenario.ts';

/** What happened between two moments of quiet, and what the calls made there brought. */
export interface Segment {
  /** `start`, the number of the step, or `end`. */
  readonly step: string;
  readonly events: readonly string[];
  readonly answers: readonly string[];
}

/** Cuts a log into segments. */
export function segmentsOf(log: readonly string[]): readonly Segment[] {
  const segments: { step: string; events: string[]; answers: string[] }[] = [];
  for (const line of log) {
    if (line.startsWith('step ')) {
      segments.push({ step: line.slice(5), events: [], answers: [] });
      continue;
    }
    const last = segments.at(-1) ?? fail(`the log begins with: ${line}`);
    if (line.startsWith('> ')) last.answers.push(line.slice(2));
    else last.events.push(line);
  }
  return segments;
}

/** Who an event is about: `w1#2`; of a report, who made it. */
export function subjectOf(event: string): string {
  return event.split(' ', 2)[1] ?? '';
}

/**
 * Puts what OTP promises no order for into one order.
 *
 * - Whose supervisor was killed ends on its own: such events come last in their segment, by process.
 * - A child that dies while its supervisor starts others (`killing`, `thenStop`) makes supervisors work at the same
 *   time, each on its own: in such segments each one's events are kept in order, not those of different ones.
 * - The children of a dynamic supervisor are stopped at once (DYN-008, DYN-019): neighbouring ends are sorted, and so
 *   are the children in its list (DYN-004, DYN-018).
 */
export function ordered(segments: readonly Segment[], scenario: Scenario): readonly Segment[] {
  const family = new Family(scenario);
  return segments.map((segment) => {
    const isParallel = segment.events.some((event) => / (?:killing|thenStop) /.test(event));
    const keyed = segment.events.map((event, index) => {
      const orphans = family.looseKey(event);
      return { event, index, key: isParallel ? `${orphans} ${family.ownerOf(event)}` : orphans };
    });
    keyed.sort((a, b) => compare(a.key, b.key) || a.index - b.index);
    return {
      ...segment,
      events: sortMembers(
        keyed.map(({ event }) => event),
        family,
      ),
      answers: segment.answers.map((answer) => family.sortedList(answer)),
    };
  });
}

/** Who is whose child, by instance, as the log unfolds. */
class Family {
  readonly #parents: ReadonlyMap<string, string>;
  readonly #dynamic: ReadonlySet<string>;
  readonly #supervisors: ReadonlySet<string>;
  readonly #latest = new Map<string, string>();
  readonly #parentOf = new Map<string, string>();
  readonly #alive = new Set<string>();
  readonly #orphans = new Set<string>();

  constructor(scenario: Scenario) {
    this.#parents = parentsOf(scenario);
    const supervisors = supervisorsOf(scenario.tree);
    this.#supervisors = new Set(supervisors.map(({ id }) => id));
    this.#dynamic = new Set(
      supervisors.flatMap(({ id, kind }) => (kind === 'dynamic' ? [id] : [])),
    );
  }

  /** Takes note of an event; tells which orphans, from the top down, it belongs to. */
  looseKey(event: string): string {
    const who = subjectOf(event);
    const id = idOf(who);
    if (event.startsWith('start ')) {
      this.#latest.set(id, who);
      const parent = this.#latest.get(this.#parents.get(id) ?? '');
      if (parent !== undefined) this.#parentOf.set(who, parent);
      this.#alive.add(who);
    }
    const orphans: string[] = [];
    for (let one: string | undefined = who; one !== undefined; one = this.#parentOf.get(one)) {
      if (this.#orphans.has(one)) orphans.unshift(one);
    }
    if (event.startsWith('end ')) this.#ended(who);
    return orphans.join('/');
  }

  /** The supervisor in whose work an event belongs; a supervisor's own start and end are its own. */
  ownerOf(event: string): string {
    const who = subjectOf(event);
    if (event.startsWith('report ') || this.#supervisors.has(idOf(who))) return who;
    return this.#parentOf.get(who) ?? '';
  }

  #ended(who: string): void {
    this.#alive.delete(who);
    for (const one of this.#alive) if (this.#parentOf.get(one) === who) this.#orphans.add(one);
  }

  /** The list of a dynamic supervisor's children, sorted. */
  sortedList(answer: string): string {
    const [, id = '', list = ''] = /^(\S+) which_children: \[(.*) \]$/.exec(answer) ?? [];
    if (!this.#dynamic.has(id)) return answer;
    return `${id} which_children: [${list.split(';').sort(compare).join(';')} ]`;
  }

  /** The dynamic supervisor that a process is a child of. */
  dynamicOf(who: string): string | undefined {
    const parent = this.#parents.get(idOf(who));
    return parent !== undefined && this.#dynamic.has(parent) ? parent : undefined;
  }
}

function sortMembers(events: readonly string[], family: Family): string[] {
  const result: string[] = [];
  let run: string[] = [];
  const flush = (): void => {
    result.push(...run.sort((a, b) => compare(subjectOf(a), subjectOf(b))));
    run = [];
  };
  for (const event of events) {
    const isEnd = event.startsWith('term ') || event.startsWith('end ');
    if (isEnd && family.dynamicOf(subjectOf(event)) !== undefined) {
      run.push(event);
      continue;
    }
    flush();
    result.push(event);
  }
  flush();
  return result;
}

function idOf(who: string): string {
  return who.split('#', 1)[0] ?? '';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function fail(message: string): never {
  throw new Error(message);
}
