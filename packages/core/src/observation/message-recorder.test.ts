import { describe, expect, test } from '@jest/globals';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { createTestClock } from '../clock.ts';
import { defineServer } from '../behaviours/gen-server.ts';
import { noreply, ok } from '../behaviours/gen-server-results.ts';
import { silentLogger } from '../logger.ts';
import type { ProcessContext } from '../process/process-context.ts';
import { createSystem, type ActorSystem } from '../system.ts';
import type { HandledRecord, WatchedRecord } from './message-record.ts';
import { counter, door, doorkeeper } from './recorded.fixture.ts';

function quietSystem(): ActorSystem {
  return createSystem({ logger: silentLogger, clock: createTestClock() });
}

function told({ event, outcome, kind, pid, from }: HandledRecord): unknown[] {
  return [event, outcome, kind, pid, from];
}

/** All turns that are due are over. */
async function settled(): Promise<void> {
  for (let round = 0; round < 5; round++) await new Promise((resolve) => setTimeout(resolve, 0));
}

describe('a recording of messages', () => {
  test('has one record a message: whose, from whom, how, and what became of it', async () => {
    const system = quietSystem();
    const stopRecording = system.records.recordMessages();
    const server = await system.start(counter, 1);
    const who = server.pid.id;
    await server.call.add(2);
    server.cast.add(3);
    system.send(server.pid, 'anybody?');
    system.cast(server.pid, { type: 'end' });
    system.cast(server.pid, { type: 'add', arg: 1 });
    await system.awaitExit(server.pid);
    system.cast(server.pid, { type: 'add', arg: 1 });
    await expect(system.call(server.pid, { type: 'add' })).rejects.toThrow('noproc');
    const { records, dropped, next } = system.records.messagesSince(0);
    expect(records.map(told)).toEqual([
      ['add', 'handled', 'call', who, undefined],
      ['add', 'handled', 'cast', who, undefined],
      ['string', 'ignored', 'info', who, undefined],
      ['end', 'stopped', 'cast', who, undefined],
      ['add', 'deadletter', 'cast', who, undefined],
      ['add', 'deadletter', 'cast', who, undefined],
      ['add', 'deadletter', 'call', who, undefined],
    ]);
    expect(records.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect({ dropped, next }).toEqual({ dropped: 0, next: 8 });
    expect(system.records.messagesSince(3, 2).records.map(({ seq }) => seq)).toEqual([3, 4]);
    stopRecording();
    expect(system.records.messagesSince(0)).toEqual({ records: [], dropped: 0, next: 8 });
    await system.stop();
  });

  test('says of what a process crashed', async () => {
    const system = quietSystem();
    system.records.recordMessages();
    const server = await system.start(counter, 1);
    server.cast.fail();
    await system.awaitExit(server.pid);
    const [record] = system.records.messagesSince(0).records;
    expect(record).toMatchObject({ outcome: 'crashed', status: 'exiting', event: 'fail' });
    expect(record?.error).toBe('error(Error: no more)');
    await system.stop();
  });

  test('knows who sent, also where the message does not say', async () => {
    const system = quietSystem();
    system.records.recordMessages();
    const server = await system.start(counter, 1);
    const sender = defineServer({
      init: (_: undefined, self: ProcessContext) => {
        self.cast(server.pid, { type: 'add', arg: 1 });
        return ok(0);
      },
    });
    const { pid } = await system.start(sender);
    await settled();
    expect(system.records.messagesSince(0).records.map(told)).toEqual([
      ['add', 'handled', 'cast', server.pid.id, pid.id],
    ]);
    await system.stop();
  });

  test('says how long a message waited, and how long its turn took', async () => {
    const clock = createTestClock();
    // The time of the runtime, moved by the process itself.
    let aheadMs = 0;
    const moving = { ...clock, now: () => clock.now() + aheadMs };
    const system = createSystem({ logger: silentLogger, clock: moving });
    const slow = defineServer({
      init: () => ok(0),
      cast: {
        compute: (state: number) => {
          aheadMs += 30;
          return noreply(state);
        },
        wait: async (state: number, ms: number) => {
          await new Promise<void>((resolve) => {
            clock.setTimeout(resolve, ms);
          });
          return noreply(state);
        },
      },
    });
    const { pid, cast } = await system.start(slow);
    system.records.recordMessages();
    cast.wait(250);
    cast.compute();
    cast.compute();
    await clock.advance(250);
    const { records } = system.records.messagesSince(0);
    expect(records.map(({ event, waitedMs, tookMs }) => [event, waitedMs, tookMs])).toEqual([
      ['wait', 0, 0],
      ['compute', 250, 30],
      ['compute', 280, 30],
    ]);
    expect(records.map(({ status }) => status)).toEqual(['busy', 'waiting', 'waiting']);
    expect(system.isAlive(pid)).toBe(true);
    await system.stop();
  });

  test('has what a chart ignores, what it postpones, and its own delays', async () => {
    const clock = createTestClock();
    const system = createSystem({ logger: silentLogger, clock });
    const pid = await system.start(door);
    system.records.recordMessages();
    for (const type of ['paint', 'open', 'knock']) system.send(pid, { type });
    await clock.advance(40);
    expect(system.records.messagesSince(0).records.map(told)).toEqual([
      ['paint', 'postponed', 'info', pid.id, undefined],
      ['open', 'ignored', 'info', pid.id, undefined],
      ['knock', 'handled', 'info', pid.id, undefined],
    ]);
    await system.stop();
    expect(system.records.messagesSince(4).records.map(told)).toEqual([
      ['paint', 'deadletter', 'info', pid.id, undefined],
    ]);
  });

  test('keeps the last ones, and says how many are gone', async () => {
    const system = quietSystem();
    system.records.recordMessages({ size: 4 });
    const server = await system.start(counter, 0);
    for (let by = 0; by < 10; by++) server.cast.add(by);
    await settled();
    const { records, dropped } = system.records.messagesSince(3);
    expect(records.map(({ seq }) => seq)).toEqual([7, 8, 9, 10]);
    expect(dropped).toBe(4);
    expect(() => system.records.recordMessages({ size: 0 })).toThrow('size of a recording');
    await system.stop();
  });

  test('goes on until the last who asked has ended it, and then costs nothing any more', async () => {
    const system = quietSystem();
    const ends = [system.records.recordMessages(), system.records.recordMessages()];
    const server = await system.start(counter, 0);
    ends[0]?.();
    ends[0]?.();
    await server.call.add(1);
    expect(system.records.messagesSince(0).records).toHaveLength(1);
    server.cast.add(1);
    ends[1]?.();
    // Its envelope is in the mailbox still.
    expect(system.runtime.recorder).toBeDefined();
    expect(await server.call.add(1)).toBe(3);
    expect(system.runtime.recorder).toBeUndefined();
    await system.stop();
  });
});

describe('who watches a process', () => {
  test('[I6.6] sees bodies, steps with guards, actions and what is sent; others are not recorded', async () => {
    const clock = createTestClock();
    const system = createSystem({ logger: silentLogger, clock });
    const seen: WatchedRecord[] = [];
    const pid = await system.start(doorkeeper);
    const other = await system.start(counter, 0);
    const stopWatching = system.records.watch(pid, (record) => {
      seen.push(record);
    });
    const knock = { type: 'knock', by: 'me' };
    system.send(pid, knock);
    await other.call.add(1);
    await clock.advance(0);
    expect(seen).toHaveLength(2);
    expect(seen[0]).toMatchObject({
      seq: 1,
      pid: pid.id,
      event: 'knock',
      outcome: 'handled',
      stateValue: 'greeting',
      steps: [
        { source: 'keeper.idle', event: 'knock', targets: ['keeper.waking'], guard: undefined },
        { source: 'keeper.waking', event: undefined, targets: ['keeper.greeting'], guard: 'isUp' },
      ],
      sent: [
        { to: pid.id, kind: 'info', event: 'hush', delayMs: 200 },
        { to: pid.id, kind: 'info', event: 'nod', delayMs: undefined },
      ],
    });
    expect(seen[0]?.actions).toEqual(['count', 'greet', 'xstate.raise']);
    expect(seen[0]?.message).toBe(knock);
    expect(system.records.describeProcess(pid)?.context).toEqual({ knocks: 1 });
    await clock.advance(300);
    expect(seen.map(told)).toEqual([
      ['knock', 'handled', 'info', pid.id, undefined],
      ['nod', 'ignored', 'info', pid.id, pid.id],
      ['hush', 'ignored', 'info', pid.id, undefined],
      ['xstate.after.300.keeper.greeting', 'handled', 'own', pid.id, undefined],
    ]);
    expect(seen[3]?.steps).toMatchObject([{ targets: ['keeper.idle'] }]);
    stopWatching();
    system.send(pid, knock);
    await clock.advance(0);
    expect(seen).toHaveLength(4);
    expect(system.runtime.recorder).toBeUndefined();
    await system.stop();
  });

  test('sees what is answered, and a crash to its end; the dead are watched no more', async () => {
    const system = quietSystem();
    const seen: WatchedRecord[] = [];
    const server = await system.start(counter, 1);
    const stopWatching = system.records.watch([server.pid], (record) => {
      seen.push(record);
    });
    await server.call.add(2);
    expect(seen[0]).toMatchObject({ message: { type: 'add', arg: 2 }, state: 3 });
    expect(seen[0]?.sent).toEqual([
      { to: undefined, kind: 'reply', event: 'add', delayMs: undefined },
    ]);
    server.cast.fail();
    server.cast.add(1);
    await system.awaitExit(server.pid);
    expect(seen.map(({ outcome }) => outcome)).toEqual(['handled', 'crashed', 'deadletter']);
    stopWatching();
    expect(system.runtime.recorder).toBeUndefined();
    await system.stop();
  });

  test('sees the trace that a message was sent in', async () => {
    const system = quietSystem();
    const { pid } = await system.start(counter, 1);
    const seen: WatchedRecord[] = [];
    system.records.watch(pid, (record) => {
      seen.push(record);
    });
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const span = trace.wrapSpanContext({ traceId, spanId: 'b7ad6b7169203331', traceFlags: 1 });
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    try {
      context.with(trace.setSpan(context.active(), span), () => {
        system.cast(pid, { type: 'add', arg: 1 });
      });
      system.cast(pid, { type: 'add', arg: 1 });
      await settled();
    } finally {
      context.disable();
    }
    expect(seen.map((record) => record.traceId)).toEqual([traceId, undefined]);
    await system.stop();
  });

  test('of a tree sees also who is spawned later', async () => {
    const system = quietSystem();
    const parent = defineServer({
      init: (_: undefined, self: ProcessContext) => ok(self),
      cast: {
        spawn: (self: ProcessContext) => {
          self.send(self.spawn(counter, 1), 'hello');
          return noreply(self);
        },
      },
    });
    const { pid, cast } = await system.start(parent);
    const seen: WatchedRecord[] = [];
    system.records.watch({ tree: pid }, (record) => {
      seen.push(record);
    });
    cast.spawn();
    await settled();
    expect(seen.map(({ event }) => event)).toEqual(['spawn', 'string']);
    expect(seen[1]?.from).toBe(pid.id);
    await system.stop();
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('bug');
      },
    ],
    ['rejects', () => Promise.reject(new Error('bug')) as never],
  ])('and %s is removed and logged; nobody else notices', async (_, fail) => {
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (text: string) => void warnings.push(text) };
    const system = createSystem({ logger, clock: createTestClock() });
    const server = await system.start(counter, 0);
    const seen: number[] = [];
    system.records.watch(server.pid, fail);
    system.records.watch(server.pid, ({ seq }) => {
      seen.push(seq);
    });
    expect(await server.call.add(1)).toBe(1);
    await settled();
    expect(await server.call.add(1)).toBe(2);
    expect(seen).toEqual([1, 2]);
    expect(warnings).toEqual(['who watches processes failed, and is not shown any more']);
    await system.stop();
  });
});
