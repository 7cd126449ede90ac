import { Deferred, Effect, Fiber, Queue } from 'effect';
import { lagBeside } from '../lag.mjs';
import { check, heapAfterCollection, latch, microsecondsPer, p50 } from '../measure.mjs';

// It has no actors of its own: an actor is a fiber that takes from its queue, as its documentation builds one.

const actor = (queue, handle) =>
  Effect.forkDetach(Effect.forever(Effect.flatMap(Queue.take(queue), handle)));

function* players(over) {
  const received = { count: 0 };
  const queues = [yield* Queue.unbounded(), yield* Queue.unbounded()];
  const fibers = [];
  for (const [at, own] of queues.entries()) {
    const peer = queues[1 - at];
    const play = (left) => {
      received.count += 1;
      return left === 0 ? Effect.sync(over) : Queue.offer(peer, left - 1);
    };
    fibers.push(yield* actor(own, play));
  }
  return { one: queues[0], fibers, received };
}

/** Its way to restart: the loop is run again by `retry`. */
function* startChildren(count, begun) {
  const children = [];
  for (let at = 0; at < count; at++) {
    const queue = yield* Queue.unbounded();
    const life = Effect.gen(function* () {
      begun();
      yield* Queue.take(queue);
      yield* Effect.fail(new Error('crash'));
    });
    const fiber = yield* Effect.forkDetach(Effect.retry(life, { while: () => true }));
    children.push({ queue, fiber });
  }
  return children;
}

const stopChildren = (children) => Fiber.interruptAll(children.map(({ fiber }) => fiber));

export const works = {
  pingPong: (messages) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const over = latch();
        const { one, fibers, received } = yield* players(over.open);
        const startMs = performance.now();
        yield* Queue.offer(one, messages - 1);
        yield* Effect.promise(() => over.opened);
        const perMessage = microsecondsPer(messages, startMs);
        check(received.count, messages, 'messages received');
        yield* Fiber.interruptAll(fibers);
        return { perMessage };
      }),
    ),

  call: (calls) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const queue = yield* Queue.unbounded();
        let total = 0;
        const fiber = yield* actor(queue, ({ more, answer }) => {
          total += more;
          return Deferred.succeed(answer, total);
        });
        let sum = 0;
        const startMs = performance.now();
        for (let made = 0; made < calls; made++) {
          const answer = yield* Deferred.make();
          yield* Queue.offer(queue, { more: 1, answer });
          sum = yield* Deferred.await(answer);
        }
        const perCall = microsecondsPer(calls, startMs);
        check(sum, calls, 'the sum');
        yield* Fiber.interrupt(fiber);
        return { perCall };
      }),
    ),

  spawnStop: (count, { batch }) =>
    Effect.runPromise(
      Effect.gen(function* () {
        let ended = 0;
        const startMs = performance.now();
        for (let done = 0; done < count; done += batch) {
          const begun = latch(batch);
          const fibers = [];
          for (let at = 0; at < batch; at++) {
            const queue = yield* Queue.unbounded();
            const life = Effect.gen(function* () {
              begun.arrive();
              yield* Queue.take(queue);
            });
            fibers.push(yield* Effect.forkDetach(life));
          }
          yield* Effect.promise(() => begun.opened);
          yield* Fiber.interruptAll(fibers);
          ended += fibers.length;
        }
        const perProcess = microsecondsPer(count, startMs);
        check(ended, count, 'fibers ended');
        return { perProcess };
      }),
    ),

  replace: (children, { crashes }) =>
    Effect.runPromise(
      Effect.gen(function* () {
        let begun = () => undefined;
        const actors = yield* startChildren(children, () => begun());
        yield* Effect.yieldNow;
        const latencies = [];
        for (let crash = 0; crash < crashes; crash++) {
          const replaced = latch();
          begun = () => {
            latencies.push((performance.now() - startMs) * 1000);
            replaced.open();
          };
          const startMs = performance.now();
          yield* Queue.offer(actors[crash].queue, 'crash');
          yield* Effect.promise(() => replaced.opened);
        }
        check(latencies.length, crashes, 'restarts');
        yield* stopChildren(actors);
        return { p50: p50(latencies) };
      }),
    ),

  storm: (children) =>
    Effect.runPromise(
      Effect.gen(function* () {
        let begun = () => undefined;
        const ready = latch(children);
        begun = ready.arrive;
        const actors = yield* startChildren(children, () => begun());
        yield* Effect.promise(() => ready.opened);
        const replaced = latch(children);
        begun = replaced.arrive;
        const startMs = performance.now();
        for (const { queue } of actors) yield* Queue.offer(queue, 'crash');
        yield* Effect.promise(() => replaced.opened);
        const perRestart = microsecondsPer(children, startMs);
        yield* stopChildren(actors);
        return { perRestart, perSecond: 1e6 / perRestart };
      }),
    ),

  startMany: (children) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const before = heapAfterCollection();
        const begun = latch(children);
        const startMs = performance.now();
        const actors = yield* startChildren(children, begun.arrive);
        yield* Effect.promise(() => begun.opened);
        const perChild = microsecondsPer(children, startMs);
        const perChildKb = (heapAfterCollection() - before) / children / 1024;
        yield* stopChildren(actors);
        return { perChild, perChildKb };
      }),
    ),

  fanOut: (rounds, { width }) =>
    Effect.runPromise(
      Effect.gen(function* () {
        let answers = 0;
        let total = 0;
        let over = () => undefined;
        const hub = yield* Queue.unbounded();
        const fibers = [];
        const spokes = [];
        for (let at = 0; at < width; at++) {
          const spoke = yield* Queue.unbounded();
          spokes.push(spoke);
          fibers.push(yield* actor(spoke, (asker) => Queue.offer(asker, 1)));
        }
        const askAll = Effect.gen(function* () {
          answers = 0;
          for (const spoke of spokes) yield* Queue.offer(spoke, hub);
        });
        const gather = Effect.sync(() => {
          answers += 1;
          total += 1;
          if (answers === width) over();
        });
        fibers.push(yield* actor(hub, (message) => (message === 1 ? gather : askAll)));
        const startMs = performance.now();
        for (let round = 0; round < rounds; round++) {
          const all = latch();
          over = all.open;
          yield* Queue.offer(hub, 'ask all');
          yield* Effect.promise(() => all.opened);
        }
        const perMessage = microsecondsPer(rounds * width * 2, startMs);
        check(total, rounds * width, 'answers');
        yield* Fiber.interruptAll(fibers);
        return { perMessage };
      }),
    ),

  lag: (durationMs) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const { one, fibers, received } = yield* players(() => undefined);
        yield* Queue.offer(one, Number.MAX_SAFE_INTEGER);
        const figures = yield* Effect.promise(() => lagBeside(durationMs));
        check(received.count > durationMs / 50, true, 'they kept talking');
        yield* Fiber.interruptAll(fibers);
        return figures;
      }),
    ),
};
