import { setImmediate as nextRound } from 'node:timers/promises';
import {
  createSystem,
  createTestClock,
  defineServer,
  ExitError,
  noreply,
  ok,
  reply,
  silentLogger,
  type ActorSystem,
  type ExitReason,
  type ProcessContext,
  type SystemOptions,
} from './index.ts';

/** A system that logs nothing; its time stands still unless it is given another, so that the speed of the machine decides nothing. */
export function quietSystem(options: SystemOptions = {}): ActorSystem {
  return createSystem({ logger: silentLogger, clock: createTestClock(), ...options });
}

/** A process that does what it is told in its own turn, and keeps every message it gets. */
export const probe = defineServer({
  name: 'probe',
  init: (options: { readonly trapExit?: boolean } | undefined, self) => {
    self.trapExit(options?.trapExit ?? false);
    return ok<readonly unknown[]>([]);
  },
  call: {
    run: async (seen, step: (self: ProcessContext) => unknown, self) =>
      reply(await step(self), seen),
    runNow: (seen, step: (self: ProcessContext) => unknown, self) => reply(step(self), seen),
    seen: (seen) => reply(seen, seen),
  },
  info: (seen, message) => noreply([...seen, message]),
});

/** A process that does nothing. */
export const sleeper = defineServer({ init: () => ok(0), info: (state) => noreply(state) });

/** A system with a probe that does not trap exits, and two that do. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the types of the probes are inferred
export async function startThree() {
  const system = quietSystem();
  const plain = await system.start(probe, {});
  const trapping = await system.start(probe, { trapExit: true });
  const other = await system.start(probe, { trapExit: true });
  return { system, plain, trapping, other };
}

/** With which reason a call, a start or a wait fails. */
export async function reasonOf(promise: Promise<unknown>): Promise<ExitReason> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ExitError) return error.reason;
    throw error;
  }
  throw new Error('it did not fail');
}

/** Lets the event loop go round, so that whatever was to come of what was done has come. */
export async function settle(rounds = 5): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await nextRound();
  }
}
