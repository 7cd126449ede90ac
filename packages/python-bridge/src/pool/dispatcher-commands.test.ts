import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { crashed, settle } from './dispatcher.fixture.ts';
import { WatchedDispatcher } from './dispatcher-watch.fixture.ts';

// The real dispatcher under random sequences of calls, ends, cancellations, admissions, crashes and time, against workers
// and a clock that do only what the sequence says.

const runs = Number(process.env['SNAKEPIT_PROPERTY_RUNS'] ?? 100);
const maxWorkers = 3;

/** What must be true is asked after every step; so the model knows only what a step may do. */
interface Model {
  calls: number;
  workers: number;
}

type Step = (real: WatchedDispatcher, model: Model) => void | Promise<void>;

class Command implements fc.AsyncCommand<Model, WatchedDispatcher> {
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

  async run(model: Model, real: WatchedDispatcher): Promise<void> {
    await this.#step(real, model);
    await settle();
    real.check();
  }

  toString(): string {
    return this.#name;
  }
}

const always = (): boolean => true;
const hasWorkers = (model: Readonly<Model>): boolean => model.workers > 0;

/** A command that does something with the worker of an index. */
const atWorker = (
  name: string,
  step: (real: WatchedDispatcher, index: number, model: Model) => void,
) =>
  fc.nat(maxWorkers - 1).map(
    (index) =>
      new Command(
        `${name}(${String(index)})`,
        (real, model) => {
          step(real, index, model);
        },
        hasWorkers,
      ),
  );

const call = fc
  .record({
    idempotent: fc.boolean(),
    timeoutMs: fc.constantFrom(200, 60_000),
    priority: fc.constantFrom('high' as const, 'normal' as const, 'low' as const),
    session: fc.nat(7),
  })
  .map(
    ({ session, ...options }) =>
      new Command(
        `call(${JSON.stringify({ session, ...options })})`,
        (real, model) => {
          model.calls += 1;
          real.call(options, session);
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
    (model) => model.workers < maxWorkers,
  ),
);
const answer = atWorker('answer', (real, index) => {
  real.workers[index % real.workers.length]?.answer();
});
const fail = atWorker('fail', (real, index) => {
  real.workers[index % real.workers.length]?.fail(new TypeError('odd'));
});
const letGo = atWorker('letGo', (real, index) => {
  real.workers[index % real.workers.length]?.letGo();
});
const replace = atWorker('replace', (real, index) => {
  real.replace(index);
});
const crash = atWorker('crash', (real, index, model) => {
  model.workers -= 1;
  real.crash(index);
});
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

test('[R6.4] [I5.1] no call is lost or runs twice, whatever comes in whatever order', async () => {
  const commands = fc.commands(
    [
      call,
      call,
      call,
      call,
      admit,
      admit,
      answer,
      fail,
      crash,
      replace,
      cancel,
      cancel,
      letGo,
      wait,
    ],
    { maxCommands: 80, size: 'large' },
  );
  await fc.assert(
    fc.asyncProperty(commands, async (sequence) => {
      const real = new WatchedDispatcher();
      await fc.asyncModelRun(() => ({ model: { calls: 0, workers: 0 }, real }), sequence);
      // In the end every call has ended, and nothing is left behind.
      real.bench.dispatcher.fail(crashed());
      while (real.workers.length > 0) real.crash(0);
      await settle();
      real.check();
      expect(real.records.filter(({ ended }) => ended !== 1)).toEqual([]);
      expect(real.bench.dispatcher.stats().lingering).toBe(0);
      expect(real.bench.clock.pending).toBe(0);
    }),
    { numRuns: runs },
  );
}, 120_000);
