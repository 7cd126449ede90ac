import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { noreply, ok } from '../behaviours/gen-server-results.ts';
import { defineServer } from '../behaviours/gen-server.ts';
import { createTestClock, type Clock } from '../clock.ts';
import { silentLogger } from '../logger.ts';
import type { Pid } from '../process/pid.ts';
import type { ProcessContext } from '../process/process-context.ts';
import { createSystem, type ActorSystem } from '../system.ts';
import type { HandledRecord, WatchedRecord } from './message-record.ts';
import { counter } from './recorded.fixture.ts';

const relay = defineServer({
  name: 'relay',
  init: (_: undefined, self: ProcessContext) => ok(self),
  cast: {
    pass: (self: ProcessContext, to: Pid) => {
      self.cast(to, { type: 'add', arg: 1 });
      return noreply(self);
    },
  },
});

type Action =
  | { readonly do: 'add' | 'fail' | 'end' | 'greet' | 'kill' | 'pass'; readonly to: number }
  | { readonly do: 'drain' };

const members = 3;
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: to('add', 'greet', 'pass') },
  { weight: 1, arbitrary: to('fail', 'end', 'kill') },
  { weight: 2, arbitrary: fc.constant({ do: 'drain' } as const) },
);

function to(...kinds: Exclude<Action['do'], 'drain'>[]): fc.Arbitrary<Action> {
  return fc.record({ do: fc.constantFrom(...kinds), to: fc.nat(members - 1) });
}

/** What becomes of messages, by the rules alone. */
class Model {
  readonly told: string[] = [];
  isAlive = true;
  isDoomed = false;
  readonly #waiting: string[] = [];

  deliver(event: string): void {
    if (this.isAlive) this.#waiting.push(event);
    else this.told.push(`${event} deadletter`);
  }

  drain(): void {
    if (this.isDoomed) this.isAlive = false;
    for (const event of this.#waiting.splice(0)) this.told.push(`${event} ${this.#outcome(event)}`);
  }

  #outcome(event: string): string {
    if (!this.isAlive) return 'deadletter';
    if (event === 'add') return 'handled';
    if (event === 'string') return 'ignored';
    this.isAlive = false;
    return event === 'fail' ? 'crashed' : 'stopped';
  }
}

async function settled(): Promise<void> {
  for (let round = 0; round < 3; round++) await new Promise((resolve) => setTimeout(resolve, 0));
}

interface Scene {
  readonly system: ActorSystem;
  readonly pids: readonly Pid[];
  readonly models: readonly Model[];
  readonly relayed: Pid;
}

async function drain(models: readonly Model[]): Promise<void> {
  await settled();
  for (const model of models) model.drain();
}

/** Nothing is handled in between, but where it has to be waited for. */
function act({ system, pids, models, relayed }: Scene, one: Action): Promise<void> | undefined {
  if (one.do === 'drain') return drain(models);
  const pid = pids[one.to];
  const model = models[one.to];
  if (pid === undefined || model === undefined) return undefined;
  switch (one.do) {
    case 'kill':
      system.exit(pid, { kind: 'kill' });
      model.isDoomed = true;
      return undefined;
    case 'greet':
      system.send(pid, 'hello');
      model.deliver('string');
      return undefined;
    case 'pass':
      return drain(models).then(() => {
        system.cast(relayed, { type: 'pass', arg: pid });
        model.deliver('add');
        return drain(models);
      });
    default:
      system.cast(pid, { type: one.do, arg: 1 });
      model.deliver(one.do);
      return undefined;
  }
}

function toldOf(records: readonly HandledRecord[], pid: Pid): string[] {
  return records
    .filter((record) => record.pid === pid.id)
    .map(({ event, outcome }) => `${event} ${outcome}`);
}

describe('whatever is sent', () => {
  test('[I6.6] each message has one record, in order, that says what became of it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 30 }), async (actions) => {
        const system = createSystem({ logger: silentLogger, clock: createTestClock() });
        const relayed = system.spawn(relay);
        const pids = Array.from({ length: members }, () => system.spawn(counter, 0));
        const models = pids.map(() => new Model());
        await settled();
        system.records.recordMessages();
        const watched: WatchedRecord[] = [];
        system.records.watch(pids, (record) => {
          watched.push(record);
        });
        const scene: Scene = { system, pids, models, relayed };
        for (const one of actions) {
          const done = act(scene, one);
          if (done !== undefined) await done;
        }
        await drain(models);
        const { records, dropped } = system.records.messagesSince(0);
        expect(dropped).toBe(0);
        expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 1));
        for (const [index, pid] of pids.entries()) {
          expect(toldOf(records, pid)).toEqual(models[index]?.told);
        }
        // Who watches sees the same, but of the dead.
        const seen = new Set(watched.map(({ seq }) => seq));
        const missed = records.filter(({ seq, pid }) => pid !== relayed.id && !seen.has(seq));
        expect(missed.every(({ outcome }) => outcome === 'deadletter')).toBe(true);
        const passed = records.filter(({ from, event }) => from === relayed.id && event === 'add');
        expect(passed).toHaveLength(records.filter(({ event }) => event === 'pass').length);
        await system.stop();
      }),
      { numRuns: 60 },
    );
  });
});

test('[I6.6] what is sent in one go shares a look at the clock, and each turn has one of its own', async () => {
  const clock = createTestClock();
  let looks = 0;
  const counted: Clock = { ...clock, now: () => (looks += 1) };
  const system = createSystem({ logger: silentLogger, clock: counted });
  const { pid } = await system.start(counter, 0);
  system.records.recordMessages();
  looks = 0;
  for (let sent = 0; sent < 20; sent += 1) system.cast(pid, { type: 'add', arg: 1 });
  expect(looks).toBe(2);
  await settled();
  // One for the first that was sent, one for all others, one where the first turn begins, one at the end of each.
  expect(looks).toBe(2 + 1 + 20);
  const { records } = system.records.messagesSince(0);
  expect(new Set(records.map(({ atMs, waitedMs = 0 }) => atMs - waitedMs))).toEqual(
    new Set([1, 2]),
  );
  // What is sent later is sent later.
  system.cast(pid, { type: 'add', arg: 1 });
  await settled();
  const last = system.records.messagesSince(0).records.at(-1);
  expect((last?.atMs ?? 0) - (last?.waitedMs ?? 0)).toBe(24);
  await system.stop();
});
