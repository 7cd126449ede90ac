import { expect } from '@jest/globals';
import { isSnakepitError } from '@snakepit/core';
import type { RunningCall } from '../bridge/call-path.ts';
import type { Affinity, BoundSession, OnWorkerLost } from './affinity.ts';
import { anyCall, crashed, createBench, ScriptedWorker } from './dispatcher.fixture.ts';
import type { PoolCall, SessionBinding } from './pool-call.ts';
import type { Priority } from './queue.ts';

const concurrency = 2;
const maxQueueSize = 6;
const queueTimeoutMs = 500;

/** One call with all that was seen of it. */
interface CallRecord {
  readonly idempotent: boolean;
  readonly session: SessionRecord | undefined;
  readonly priority: Priority;
  readonly controller: AbortController;
  /** How often a worker began to execute it. */
  begun: number;
  /** Whether it was in the queue when it began for the first time, or before it. */
  ended: number;
  outcome: string;
}

/** A session with all that was seen of it. */
class SessionRecord implements BoundSession {
  readonly id: string;
  readonly affinity: Affinity;
  readonly onWorkerLost: OnWorkerLost;
  readonly metadata = {};
  /** Calls that were taken on and have no outcome. */
  pending = 0;
  binding: SessionBinding | undefined;
  /** The worker of its latest attempt. */
  worker: RecordingWorker | undefined;

  constructor(id: string, affinity: Affinity, onWorkerLost: OnWorkerLost) {
    this.id = id;
    this.affinity = affinity;
    this.onWorkerLost = onWorkerLost;
  }

  callBegan(): void {
    this.pending += 1;
  }

  callEnded(): void {
    this.pending -= 1;
  }
}

/** The real dispatcher, with all that was seen of its calls, sessions and workers. */
export class WatchedDispatcher {
  readonly bench = createBench({ concurrency, maxQueueSize, queueTimeoutMs });
  readonly workers: RecordingWorker[] = [];
  readonly records: CallRecord[] = [];
  /** Numbers of the calls in the order in which they began for the first time. */
  readonly begun: number[] = [];
  readonly sessions = [
    new SessionRecord('hint', 'hint', 'fail'),
    new SessionRecord('strict', 'strictQueue', 'fail'),
    new SessionRecord('fresh', 'strictQueue', 'fresh'),
    new SessionRecord('fast', 'strictFailFast', 'fresh'),
  ];
  #admitted = 0;

  constructor() {
    for (const session of this.sessions) session.binding = this.bench.dispatcher.bind(session);
  }

  /** Makes a call; it belongs to the session with this index, if there is one. */
  call(options: Pick<PoolCall, 'idempotent' | 'timeoutMs' | 'priority'>, session: number): void {
    const number = this.records.length;
    const controller = new AbortController();
    const owner = this.sessions[session];
    const { idempotent, priority } = options;
    const record: CallRecord = {
      ...{ idempotent, priority, controller, session: owner },
      ...{ begun: 0, ended: 0, outcome: 'pending' },
    };
    this.records.push(record);
    const note = (outcome: string): void => {
      record.ended += 1;
      record.outcome = outcome;
    };
    const binding = owner?.binding;
    const call = {
      ...anyCall,
      ...options,
      tool: String(number),
      signal: controller.signal,
      binding,
    };
    this.bench.dispatcher.execute(call).then(
      () => {
        note('succeeded');
      },
      (error: unknown) => {
        note(isSnakepitError(error) ? error.code : 'odd');
      },
    );
  }

  /** A worker is ready. */
  admit(): void {
    this.#admitted += 1;
    const worker = new RecordingWorker(`w${String(this.#admitted)}`, this);
    this.workers.push(worker);
    this.bench.dispatcher.admit(worker);
  }

  /** As a worker's process does it: withdrawn first, then all its calls fail. */
  crash(index: number): void {
    const [worker] = this.workers.splice(index % this.workers.length, 1);
    if (worker === undefined) return;
    this.bench.dispatcher.withdraw(worker);
    worker.die(crashed());
  }

  /** Restarted in order under its own name: the successor is there before the last call of the old one is over. */
  replace(index: number): void {
    const at = index % this.workers.length;
    const old = this.workers[at];
    if (old === undefined) return;
    const worker = new RecordingWorker(old.workerId, this);
    this.workers[at] = worker;
    this.bench.dispatcher.admit(worker);
    while (old.calls.length > 0) old.answer();
    while (old.lingering.length > 0) old.letGo();
  }

  /** Asks whether all is as it must be, at any moment. */
  check(): void {
    const { accepted, refused, succeeded, failed, cancelled, queued, inFlight, lingering } =
      this.bench.dispatcher.stats();
    const busy = this.workers.map((worker) => worker.inFlight + worker.lingering.length);
    expect(accepted).toBe(succeeded + failed + cancelled + queued + inFlight);
    expect(accepted + refused).toBe(this.records.length);
    expect(inFlight + lingering).toBe(busy.reduce((sum, each) => sum + each, 0));
    // What lost its worker has waited already and is let in again.
    expect(queued).toBeLessThanOrEqual(maxQueueSize + this.bench.dispatcher.stats().retried);
    for (const each of busy) expect(each).toBeLessThanOrEqual(concurrency);
    if (busy.some((each) => each < concurrency)) this.#checkWaiting();
    const pending = this.records.filter(({ ended }) => ended === 0).length;
    expect(pending).toBe(queued + inFlight);
    expect(this.sessions.reduce((sum, session) => sum + session.pending, 0)).toBe(
      this.records.filter(({ ended, session }) => ended === 0 && session !== undefined).length,
    );
    const twice = this.records.filter(
      ({ ended, begun, idempotent }) => ended > 1 || (begun > 1 && !idempotent),
    );
    expect(twice).toEqual([]);
    this.#checkOrder();
  }

  /** While a worker has room, only strict sessions wait, each for its own worker, which has none. */
  #checkWaiting(): void {
    const running = new Set(this.workers.flatMap(({ tools }) => tools));
    const wrong = this.records.filter(({ ended, session }, number) => {
      if (ended > 0 || running.has(String(number))) return false;
      const own = session?.binding?.slot?.connection;
      const worker = this.workers.find((each) => each === own);
      const busy = (worker?.inFlight ?? 0) + (worker?.lingering.length ?? 0);
      return session?.affinity !== 'strictQueue' || busy !== concurrency;
    });
    expect(wrong).toEqual([]);
  }

  /** First come, first served, in each session and priority. */
  #checkOrder(): void {
    const lasts = new Map<string, number>();
    const overtaken: number[] = [];
    for (const number of this.begun) {
      const { session, priority } = this.records[number] ?? {};
      const key = `${session?.id ?? ''}/${priority ?? ''}`;
      if ((lasts.get(key) ?? -1) > number) overtaken.push(number);
      lasts.set(key, number);
    }
    expect(overtaken).toEqual([]);
  }
}

class RecordingWorker extends ScriptedWorker {
  readonly #real: WatchedDispatcher;

  constructor(workerId: string, real: WatchedDispatcher) {
    super(workerId);
    this.#real = real;
  }

  override begin(...call: Parameters<ScriptedWorker['begin']>): RunningCall {
    const number = Number(call[0].tool);
    const record = this.#real.records[number];
    if (record !== undefined) this.#note(record, number);
    return super.begin(...call);
  }

  #note(record: CallRecord, number: number): void {
    const { session } = record;
    record.begun += 1;
    if (record.begun === 1) this.#real.begun.push(number);
    if (session === undefined) return;
    // Opened here before, and a strict one keeps to its worker as long as that is there.
    expect(this.sessions.has(session.id)).toBe(true);
    const { worker: last } = session;
    if (session.affinity !== 'hint' && last !== undefined && last !== this) {
      expect(this.#real.workers).not.toContain(last);
      expect(session.onWorkerLost).toBe('fresh');
    }
    session.worker = this;
  }
}
