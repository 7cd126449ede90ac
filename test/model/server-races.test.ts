import { setImmediate as nextRound } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  createSystem,
  createTestClock,
  defineServer,
  exitReason,
  ExitError,
  noreply,
  ok,
  reply,
  silentLogger,
  sys,
} from '@snakepit/core';
import { replayable } from './replayable.ts';

/** How many rounds of the event loop a callback awaits, for each message in turn. */
type Pauses = readonly number[];

const step = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('cast', 'call', 'send') },
  { weight: 2, arbitrary: fc.constantFrom('suspend', 'resume', 'getState', 'trace') },
  { weight: 3, arbitrary: fc.constantFrom('round', 'tick') },
);

/** A server that notes what it handles, and whether one turn was within another, or after its end. */
function notingServer(pauses: Pauses) {
  const notes = { handled: [] as number[], faults: [] as string[], isGone: false };
  let isInside = false;
  const handle = <R>(id: number, result: (next?: { readonly continue: number }) => R) => {
    if (isInside) notes.faults.push(`${String(id)} within another turn`);
    if (notes.isGone) notes.faults.push(`${String(id)} after the end`);
    notes.handled.push(id);
    const pause = pauses[id % pauses.length] ?? 0;
    if (pause === 0) return result(id % 3 === 0 ? { continue: id } : undefined);
    isInside = true;
    return (async () => {
      for (let round = 1; round < pause; round++) await nextRound();
      isInside = false;
      return result();
    })();
  };
  const server = defineServer({
    init: () => ok(0),
    call: { note: (n: number, id: number) => handle(id, (next) => reply(id, n, next)) },
    cast: { note: (n: number, id: number) => handle(id, (next) => noreply(n, next)) },
    info: (n, id) => handle(Number(id), (next) => noreply(n, next)),
    continue: (n) => noreply(n),
  });
  return { server, notes };
}

async function play(steps: readonly string[], pauses: Pauses, how: 'kill' | 'stop') {
  const clock = createTestClock();
  const system = createSystem({ clock, logger: silentLogger });
  const { server, notes } = notingServer(pauses);
  const { pid } = await system.start(server);
  system.telemetry.on('snakepit.process.exited', () => (notes.isGone = true));
  const sent: number[] = [];
  const asked: Promise<unknown>[] = [];
  /** Every question settles, with an answer or an exit reason; that it does is what the end of the play waits for. */
  const ask = (answer: Promise<unknown>): void => {
    asked.push(
      answer.catch((failure: unknown) => {
        if (!(failure instanceof ExitError)) throw failure;
      }),
    );
  };
  const forever = { timeout: Infinity };
  const next = (): number => sent.push(sent.length + 1);
  const acts: Readonly<Record<string, () => unknown>> = {
    cast: () => system.cast(pid, { type: 'note', arg: next() }),
    send: () => system.send(pid, next()),
    call: () => ask(system.call(pid, { type: 'note', arg: next() }, { timeout: 20 })),
    suspend: () => ask(sys.suspend(system, pid, forever)),
    resume: () => ask(sys.resume(system, pid, forever)),
    getState: () => ask(sys.getState(system, pid, { timeout: 15 })),
    trace: () => ask(sys.trace(system, pid, () => 'done', forever)),
    round: () => nextRound(),
    tick: () => clock.advance(10),
  };
  for (const name of steps) {
    // What is asked in one go has all been sent before the first turn.
    const passing = acts[name]?.();
    if (name === 'round' || name === 'tick') await passing;
  }
  if (how === 'stop') {
    ask(sys.resume(system, pid, forever));
    ask(system.stopProcess(pid));
  } else {
    system.exit(pid, exitReason.kill);
    // Nobody's turn is under way, so it has no other.
    notes.isGone = true;
  }
  await system.awaitExit(pid);
  await clock.advance(20);
  await Promise.all(asked);
  await system.stop();
  return { ...notes, sent, timersLeft: clock.pending };
}

describe('one server, many interleavings', () => {
  test('[PRC-009] [MSG-003] [SYS-003] [GEN-001] [GEN-030] each message once, in order, one at a time, none after the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 8 }),
        fc.constantFrom('kill' as const, 'stop' as const),
        async (steps, pauses, how) => {
          const { handled, sent, faults, timersLeft } = await play(steps, pauses, how);
          expect(faults).toEqual([]);
          // Who is killed has not come to all of them; who is stopped has.
          expect(handled).toEqual(how === 'stop' ? sent : sent.slice(0, handled.length));
          expect(timersLeft).toBe(0);
        },
      ),
      replayable(150),
    );
  });
});
