/** How urgent a call is. */
export type Priority = 'high' | 'normal' | 'low';

/** Places in the order of ranks: what lost its worker goes first, for it has waited its turn once. */
export const rank = { again: 0, high: 1, normal: 2, low: 3 } as const satisfies Readonly<
  Record<Priority | 'again', number>
>;

/** One of {@link rank}. */
export type Rank = (typeof rank)[keyof typeof rank];

/** From the lowest to the highest. */
const lowestFirst = [rank.low, rank.normal, rank.high] as const;
const highestFirst = [rank.again, rank.high, rank.normal, rank.low] as const;

/** Who waits is passed over by so many of a higher rank in a row; the next turn is its own. */
const patience = 8;

/** What can stand in a {@link CallQueue}. All but `rank` and `flow` belongs to the queue. */
export interface Waiting<E extends Waiting<E>> {
  /** How urgent it is. */
  rank: Rank;
  /** Those that take turns with others as one; `undefined` for one that is alone. */
  readonly flow: Flow<E> | undefined;
  /** Where it stands. */
  line: Line<E> | undefined;
  /** When it came to stand in a line of its lane, as a number that only grows. */
  turn: number;
  /** Who is next before it in its line. */
  ahead: E | undefined;
  /** Who is next after it in its line. */
  behind: E | undefined;
}

/** Entries in order; adding and removing anywhere take the same short time. */
export class Line<E extends Waiting<E>> {
  /** The next. */
  first: E | undefined;
  /** The latest. */
  last: E | undefined;
  /** How many of a higher rank went before its first. */
  passedOver = 0;

  /** Comes last. */
  append(entry: E): void {
    entry.line = this;
    entry.ahead = this.last;
    entry.behind = undefined;
    if (this.last === undefined) this.first = entry;
    else this.last.behind = entry;
    this.last = entry;
  }

  /** Leaves. */
  remove(entry: E): void {
    const { ahead, behind } = entry;
    if (ahead === undefined) this.first = behind;
    else ahead.behind = behind;
    if (behind === undefined) this.last = ahead;
    else behind.ahead = ahead;
    entry.line = entry.ahead = entry.behind = undefined;
  }

  /** One takes the place of another. */
  replace(old: E, heir: E): void {
    heir.line = this;
    heir.ahead = old.ahead;
    heir.behind = old.behind;
    if (old.ahead === undefined) this.first = heir;
    else old.ahead.behind = heir;
    if (old.behind === undefined) this.last = heir;
    else old.behind.ahead = heir;
    old.line = old.ahead = old.behind = undefined;
  }
}

function lines<E extends Waiting<E>>(): readonly [Line<E>, Line<E>, Line<E>, Line<E>] {
  return [new Line(), new Line(), new Line(), new Line()];
}

/** Where entries wait for the same workers: one line for each rank. */
export class Lane<E extends Waiting<E>> {
  /** By rank. */
  readonly lines = lines<E>();
}

/** The entries of one session: only the first of each rank stands in a line of its lane, the others behind it. */
export class Flow<E extends Waiting<E>> {
  /** Where its first stand; `undefined` for the lane of all. */
  lane: Lane<E> | undefined;
  /** Its first, by rank. */
  readonly heads: (E | undefined)[] = [undefined, undefined, undefined, undefined];
  /** Who waits behind them, by rank. */
  readonly followers = lines<E>();
}

/**
 * Calls that wait for a worker.
 *
 * Higher ranks go first, but who waits is passed over at most eight times in a row. Within a rank sessions take turns, in
 * the order in which they came; a call without a session is like a session of its own. So without sessions and priorities
 * it is first come, first served; and a session with a thousand calls waiting delays the only call of another by one.
 * What waits for one certain worker stands in that worker's lane, and is served from there in the same order.
 */
export class CallQueue<E extends Waiting<E>> {
  readonly #shared = new Lane<E>();
  readonly #own = new Set<Lane<E>>();
  #size = 0;
  #turn = 0;

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** Makes the lane of one worker. */
  open(): Lane<E> {
    const lane = new Lane<E>();
    this.#own.add(lane);
    return lane;
  }

  /** The worker of this lane is gone; nobody may stand in it any more. */
  close(lane: Lane<E>): void {
    this.#own.delete(lane);
  }

  /** Comes last: of all, or of those of its flow. */
  add(entry: E): void {
    const { flow, rank: of } = entry;
    this.#size += 1;
    if (flow === undefined) this.#append(this.#shared, entry);
    else if (flow.heads[of] !== undefined) flow.followers[of].append(entry);
    else {
      flow.heads[of] = entry;
      this.#append(flow.lane ?? this.#shared, entry);
    }
  }

  /** Leaves; of its flow the next takes its place. Whether it was there. */
  remove(entry: E): boolean {
    const { line, flow, rank: of } = entry;
    if (line === undefined) return false;
    this.#size -= 1;
    const heir = flow?.heads[of] === entry ? this.#nextOf(flow, of) : undefined;
    if (heir === undefined) line.remove(entry);
    else {
      heir.turn = entry.turn;
      line.replace(entry, heir);
    }
    return true;
  }

  /** Takes out whose turn it is at a worker with this lane. */
  take(lane: Lane<E>): E | undefined {
    if (this.#size === 0) return undefined;
    const line = this.#nextLine(lane);
    const entry = line?.first;
    if (line === undefined || entry === undefined) return undefined;
    this.#size -= 1;
    line.remove(entry);
    const { flow, rank: of } = entry;
    if (flow !== undefined) {
      const next = this.#nextOf(flow, of);
      if (next !== undefined) this.#append(flow.lane ?? this.#shared, next);
    }
    return entry;
  }

  /** From now on a flow waits in this lane, `undefined` for that of all; who waits of it comes last there. */
  move(flow: Flow<E>, lane: Lane<E> | undefined): void {
    flow.lane = lane;
    for (const head of flow.heads) {
      if (head === undefined) continue;
      head.line?.remove(head);
      this.#append(lane ?? this.#shared, head);
    }
  }

  /** Takes out all of a flow, in order. */
  clear(flow: Flow<E>): E[] {
    const found: E[] = [];
    for (const of of highestFirst) {
      for (let head = flow.heads[of]; head !== undefined; head = flow.heads[of]) {
        this.remove(head);
        found.push(head);
      }
    }
    return found;
  }

  /** The first of every line: of all that wait the oldest is among them, but for those behind a younger one of a session. */
  firsts(): E[] {
    const lanes = [this.#shared, ...this.#own];
    return lanes.flatMap(({ lines: all }) => all.flatMap(({ first }) => first ?? []));
  }

  /** Takes out all, higher ranks first. */
  drain(): E[] {
    const found: E[] = [];
    for (const of of highestFirst) {
      for (const lane of [this.#shared, ...this.#own]) {
        const line = lane.lines[of];
        for (let first = line.first; first !== undefined; first = line.first) {
          this.remove(first);
          found.push(first);
        }
      }
    }
    return found;
  }

  #append(lane: Lane<E>, entry: E): void {
    this.#turn += 1;
    entry.turn = this.#turn;
    lane.lines[entry.rank].append(entry);
  }

  /** The next of a flow becomes its first; it stands nowhere yet. */
  #nextOf(flow: Flow<E>, of: Rank): E | undefined {
    const followers = flow.followers[of];
    const next = followers.first;
    if (next !== undefined) followers.remove(next);
    flow.heads[of] = next;
    return next;
  }

  #nextLine(lane: Lane<E>): Line<E> | undefined {
    const chosen = this.#nextRank(lane);
    if (chosen === undefined) return undefined;
    for (const lower of lowestFirst) {
      if (lower <= chosen) break;
      passOver(this.#shared.lines[lower]);
      passOver(lane.lines[lower]);
    }
    const line = older(this.#shared.lines[chosen], lane.lines[chosen]);
    line.passedOver = 0;
    return line;
  }

  #nextRank(lane: Lane<E>): Rank | undefined {
    for (const of of lowestFirst) {
      if (isImpatient(this.#shared.lines[of]) || isImpatient(lane.lines[of])) return of;
    }
    for (const of of highestFirst) {
      if (this.#shared.lines[of].first !== undefined || lane.lines[of].first !== undefined) {
        return of;
      }
    }
    return undefined;
  }
}

function isImpatient<E extends Waiting<E>>(line: Line<E>): boolean {
  return line.passedOver >= patience && line.first !== undefined;
}

function passOver<E extends Waiting<E>>(line: Line<E>): void {
  if (line.first !== undefined) line.passedOver += 1;
}

/** Of two lines that are not both empty, the one whose first has waited longer. */
function older<E extends Waiting<E>>(a: Line<E>, b: Line<E>): Line<E> {
  if (a.first === undefined) return b;
  if (b.first === undefined) return a;
  return a.first.turn < b.first.turn ? a : b;
}
