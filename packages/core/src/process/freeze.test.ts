import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  defineServer,
  exitReason,
  MonitorRef,
  noreply,
  ok,
  Pid,
  reply,
  type ProcessContext,
  type SystemOptions,
} from '../index.ts';
import { probe, quietSystem } from '../probe.fixture.ts';

interface Order {
  readonly type: 'order';
  readonly items: string[];
}

/** Keeps the last order it was sent, cast or called with. */
const kitchen = defineServer({
  name: 'kitchen',
  init: () => ok<unknown>(undefined),
  call: {
    order: (_state, order: Order) => reply(order.items.length, order),
    last: (state) => reply(state, state),
  },
  cast: { order: (_state, order: Order) => noreply(order) },
  info: (_state, message) => noreply(message),
});

async function setUp(options: SystemOptions = {}) {
  const clock = createTestClock();
  const system = quietSystem({ clock, ...options });
  const waiter = await system.start(probe, {});
  const cook = await system.start(kitchen);
  return { clock, system, waiter, cook };
}

type Send = (self: ProcessContext, cook: Pid, order: Order) => unknown;

const ways: readonly [string, Send][] = [
  [
    'send',
    (self, cook, order) => {
      self.send(cook, order);
    },
  ],
  [
    'cast',
    (self, cook, order) => {
      self.cast(cook, { type: 'order', arg: order });
    },
  ],
  ['call', (self, cook, order) => self.call(cook, { type: 'order', arg: order })],
  ['sendAfter', (self, cook, order) => self.sendAfter(0, order, cook)],
];

describe('freezeMessages', () => {
  test.each(ways)(
    '[PRC-023] who changes a message after %s ends with a TypeError of that very line',
    async (_, send) => {
      const { system, waiter, cook } = await setUp({ freezeMessages: true });
      const gone = system.awaitExit(waiter.pid);
      const order: Order = { type: 'order', items: ['soup'] };
      waiter.call
        .runNow((self) => {
          send(self, cook.pid, order);
          order.items.push('salad');
        })
        .catch(() => undefined);
      const reason = await gone;
      const { error } = reason as { readonly error: Error };
      expect(String(error)).toBe('TypeError: Cannot add property 1, object is not extensible');
      // The first line of code that is anybody's.
      expect(error.stack?.split('\n').find((line) => line.includes('.ts:'))).toContain(
        'freeze.test.ts',
      );
      expect(order.items).toEqual(['soup']);
      await system.stop();
    },
  );

  test.each(ways)(
    '[PRC-023] without it the receiver of a %s sees what was changed: that is for the sender to avoid',
    async (_, send) => {
      const { clock, system, waiter, cook } = await setUp();
      const order: Order = { type: 'order', items: ['soup'] };
      await waiter.call.runNow((self) => {
        void send(self, cook.pid, order);
        order.items.push('salad');
      });
      await clock.advance(0);
      await expect(cook.call.last()).resolves.toEqual({ type: 'order', items: ['soup', 'salad'] });
      await system.stop();
    },
  );

  test('[PRC-023] an answer is frozen too: a server cannot change what it has given away', async () => {
    const { system } = await setUp({ freezeMessages: true });
    const list: string[] = ['a'];
    const server = defineServer({
      init: () => ok(list),
      call: { get: (state) => reply(state, state) },
      cast: {
        add: (state, one: string) => {
          state.push(one);
          return noreply(state);
        },
      },
    });
    const ref = await system.start(server);
    ref.cast.add('b');
    await expect(ref.call.get()).resolves.toEqual(['a', 'b']);
    const gone = system.awaitExit(ref.pid);
    ref.cast.add('c');
    await expect(gone).resolves.toMatchObject({ kind: 'error', error: { name: 'TypeError' } });
    expect(list).toEqual(['a', 'b']);
    await system.stop();
  });

  test('freezes lists and plain objects to the bottom, circles and what was frozen on top included', async () => {
    const { system, cook } = await setUp({ freezeMessages: true });
    const inner = { deep: [{ n: 1 }] };
    const bare = Object.assign(Object.create(null) as object, { list: [1] });
    const named = Symbol('named');
    const message: Record<string | symbol, unknown> = {
      shallow: Object.freeze({ inner }),
      bare,
      [named]: { n: 2 },
    };
    message['self'] = message;
    system.send(cook, message);
    const frozen = [message, inner, inner.deep, inner.deep[0], bare, message[named]];
    expect(frozen.map((one) => Object.isFrozen(one))).toEqual(frozen.map(() => true));
    // Once more costs no walk and changes nothing.
    system.send(cook, message);
    await system.stop();
  });

  test('leaves alone what classes made, functions and getters, and the system itself', async () => {
    const { system, cook } = await setUp({ freezeMessages: true });
    class Counter {
      n = 1;
    }
    let reads = 0;
    const behindGetter = { n: 1 };
    const parts = {
      counter: new Counter(),
      map: new Map([['a', { n: 1 }]]),
      bytes: new Uint8Array([1]),
      ref: new MonitorRef(undefined),
      controller: new AbortController(),
      fn: Object.assign(() => 1, { n: 1 }),
      system,
      get lazy() {
        reads += 1;
        return behindGetter;
      },
    };
    system.send(cook, parts);
    expect(reads).toBe(0);
    expect(Object.isFrozen(parts)).toBe(true);
    const { counter, map, bytes, ref, fn } = parts;
    const left = [counter, map, map.get('a'), bytes, ref, fn, system, behindGetter];
    expect(left.map((one) => Object.isFrozen(one))).toEqual(left.map(() => false));
    expect(parts.lazy).toBe(behindGetter);
    counter.n = 2;
    expect(counter.n).toBe(2);
    await system.stop();
  });

  test('a chain of any length is frozen: no call stack is used up', async () => {
    const { system, cook } = await setUp({ freezeMessages: true });
    let chain: { readonly next: unknown } = { next: undefined };
    const last = chain;
    for (let length = 0; length < 100_000; length++) chain = { next: chain };
    system.send(cook, chain);
    expect(Object.isFrozen(last)).toBe(true);
    await system.stop();
  });

  test('what is no object is sent as ever, also to who is gone', async () => {
    const { system, cook } = await setUp({ freezeMessages: true });
    for (const message of [1, 'text', null, undefined, Symbol('x')]) system.send(cook, message);
    system.send(cook, 'last');
    await expect(cook.call.last()).resolves.toBe('last');
    system.exit(cook.pid, exitReason.kill);
    await system.awaitExit(cook.pid);
    const late = { list: [] };
    system.send(cook, late);
    expect(Object.isFrozen(late.list)).toBe(true);
    await system.stop();
  });
});
