import { quietSystem } from '../probe.fixture.ts';
import {
  createTestClock,
  defineServer,
  ok,
  reply,
  type ExitReason,
  type HandleResult,
  type ProcessContext,
} from '../index.ts';

interface Setup {
  readonly trapExit?: boolean;
  readonly terminate?: (reason: ExitReason) => void | Promise<void>;
}

/** A server that does in its callbacks what it is told, in a system that keeps what is logged. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the types of the server are inferred, as users do
export async function setUpServer({ trapExit = false, terminate = () => undefined }: Setup = {}) {
  const errors: string[] = [];
  const warnings: string[] = [];
  const terminated: unknown[] = [];
  const clock = createTestClock();
  const system = quietSystem({
    clock,
    logger: {
      ...console,
      warn: (message: string) => warnings.push(message),
      error: (message: string) => errors.push(message),
    },
  });
  type Step = (
    state: string,
    self: ProcessContext,
  ) => HandleResult<string> | Promise<HandleResult<string>>;
  const server = defineServer({
    name: 'server',
    trapExit,
    init: () => ok('first'),
    call: {
      do: (state, step: Step, self) => step(state, self),
      become: (_state, next: string) => reply('done', next),
    },
    cast: { do: (state, step: Step, self) => step(state, self) as HandleResult<string, never> },
    terminate: (state, reason) => {
      terminated.push([state, reason]);
      return terminate(reason);
    },
  });
  const ref = await system.start(server);
  const gone = system.awaitExit(ref.pid);
  return { clock, system, ref, gone, errors, warnings, terminated };
}
