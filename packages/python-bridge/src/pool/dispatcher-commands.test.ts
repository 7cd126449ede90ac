import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isSnakepitError } from '@snakepit/core';
import { anyCall, crashed, createBench, ScriptedWorker, settle } from './dispatcher.fixture.ts';

// The real dispatcher under random sequences of calls, ends, cancellations, admissions, crashes and time.

const runs = Number(process.env['SNAKEPIT_PROPERTY_RUNS'] ?? 200);
const concurrency = 2;
const maxQueueSize = 4;
const queueTimeoutMs = 500;

/** What must be true is asked after every step; so the model knows only what a step may do. */
interface Model {
  calls: number;
  workers: number;
}

interface CallRecord {
  readonly idempotent: boolean;
  readonly controller: AbortController;
  /** How often a worker began to execute it. */
  begun: number;
  /** How often it ended, for the caller. */
  ended: number;
  outcome: string;
}

class Real {
  readonly bench = createBench({ concurrency, maxQueueSize, queueTimeoutMs });
  readonly workers: ScriptedWorker[] = [];
  readonly records: CallRecord[] = [];
  /** Numbers of the calls in the order in which they began for the first time. */
  readonly begun: number[] = [];
  #admitted = 0;

  call(idempotent: boolean, timeoutMs: number): void {
    const number = this.records.length;
    const controller = new AbortController();
    const record: CallRecord = { idempotent, controller, begun: 0, ended: 0, outcome: 'pending' };
    this.records.push(record);
    const note = (outcome: string): void => {
      record.ended += 1;
      record.outcome = outcome;
    };
    const { signal } = controller;
    const call = { ...anyCall, tool: String(number), idempotent, timeoutMs, signal };
    this.bench.dispatcher.execute(call).then(
      () => {
        note('succeeded');
      },
      (error: unknown) => {
        note(isSnakepitError(error) ? error.code : 'odd');
      },
    );
  }

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
    for (const { reject } of worker.calls.splice(0)) reject(crashed());
  }

  check(): void {
    const { accepted, refused, succeeded, failed, cancelled, queued, inFlight } =
      this.bench.dispatcher.stats();
    expect(accepted).toBe(succeeded + failed + cancelled + queued + inFlight);
    expect(accepted + refused).toBe(this.records.length);
    expect(inFlight).toBe(this.workers.reduce((sum, worker) => sum + worker.inFlight, 0));
    // What lost its worker has waited already and is let in again.
    expect(queued).toBeLessThanOrEqual(maxQueueSize + this.bench.dispatcher.stats().retried);
    for (const worker of this.workers) {
      expect(worker.inFlight).toBeLessThanOrEqual(concurrency);
      if (worker.inFlight < concurrency) expect(queued).toBe(0);
    }
    const pending = this.records.filter(({ ended }) => ended === 0).length;
    expect(pending).toBe(queued + inFlight);
    for (const record of this.records) {
      expect(record.ended).toBeLessThanOrEqual(1);
      if (!record.idempotent) expect(record.begun).toBeLessThanOrEqual(1);
    }
    // First come, first served.
    expect(this.begun).toEqual([...this.begun].sort((a, b) => a - b));
  }
}

class RecordingWorker extends ScriptedWorker {
  readonly #real: Real;

  constructor(workerId: string, real: Real) {
    super(workerId);
    this.#real = real;
  }

  override execute(...call: Parameters<ScriptedWorker['execute']>): Promise<unknown> {
    const number = Number(call[0].tool);
    const record = this.#real.records[number];
    if (record !== undefined) record.begun += 1;
    if (record?.begun === 1) this.#real.begun.push(number);
    return super.execute(...call);
  }
}

type Step = (real: Real, model: Model) => void | Promise<void>;

class Command implements fc.AsyncCommand<Model, Real> {
  readonly #name: string;
  readonly #step: Step;
  readonly #isPossible: (model: Readonly<Model>) => boolean;

  constructor(name: string, step: Step, isPossible: (model: Readonly<Model>) => boolean) {
    this.#name = name;
    this.#step = step;
    this.#isPossible = isPossible;
  }

  check(model: Readonly<Model>): boolean {
    return this.#isPossible(model);
  }

  async run(model: Model, real: Real): Promise<void> {
    await this.#step(real, model);
    await settle();
    real.check();
  }

  toString(): string {
    return this.#name;
  }
}

const always = (): boolean => true;
const call = fc.tuple(fc.boolean(), fc.constantFrom(200, 60_000)).map(
  ([idempotent, timeoutMs]) =>
    new Command(
      `call(${idempotent ? 'idempotent, ' : ''}${String(timeoutMs)})`,
      (real, model) => {
        model.calls += 1;
        real.call(idempotent, timeoutMs);
      },
      always,
    ),
);
const admit = fc.constant(
  new Command(
    'admit',
    (real, model) => {
      model.workers += 1;
      real.admit();
    },
    (model) => model.workers < 3,
  ),
);
const end = fc.tuple(fc.nat(2), fc.boolean()).map(
  ([index, ok]) =>
    new Command(
      `end(${String(index)}, ${ok ? 'ok' : 'error'})`,
      (real) => {
        const worker = real.workers[index % real.workers.length];
        if (ok) worker?.answer();
        else worker?.fail(new TypeError('odd'));
      },
      (model) => model.workers > 0,
    ),
);
const crash = fc.nat(2).map(
  (index) =>
    new Command(
      `crash(${String(index)})`,
      (real, model) => {
        model.workers -= 1;
        real.crash(index);
      },
      (model) => model.workers > 0,
    ),
);
const cancel = fc.nat(20).map(
  (index) =>
    new Command(
      `cancel(${String(index)})`,
      (real) => {
        real.records[index % real.records.length]?.controller.abort();
      },
      (model) => model.calls > 0,
    ),
);
// The numbers at which answers change: they add up to the limit of a call and to that of the queue.
const wait = fc
  .constantFrom(100, 200, 300, 500)
  .map((ms) => new Command(`wait(${String(ms)})`, (real) => real.bench.clock.advance(ms), always));

test('[R6.4] no call is lost or runs twice, whatever comes in whatever order', async () => {
  const commands = fc.commands([call, call, call, admit, admit, end, end, crash, cancel, wait], {
    maxCommands: 60,
    size: 'large',
  });
  await fc.assert(
    fc.asyncProperty(commands, async (sequence) => {
      const real = new Real();
      await fc.asyncModelRun(() => ({ model: { calls: 0, workers: 0 }, real }), sequence);
      // In the end every call has ended, and nothing is left behind.
      real.bench.dispatcher.fail(crashed());
      while (real.workers.length > 0) real.crash(0);
      await settle();
      real.check();
      expect(real.records.filter(({ ended }) => ended !== 1)).toEqual([]);
      expect(real.bench.clock.pending).toBe(0);
    }),
    { numRuns: runs },
  );
}, 60_000);
