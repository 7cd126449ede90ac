import { describe, expect, test } from '@jest/globals';
import { setup } from 'xstate';
import {
  defineServer,
  defineStatechart,
  defineTask,
  exitReason,
  noreply,
  ok,
  reply,
  type Pid,
  type Spawnable,
} from './index.ts';
import { missing } from './behaviours/missing-effect.fixture.ts';
import { probe, quietSystem, settle } from './probe.fixture.ts';

const error = new Error('boom');

/** Rejects after the callback has given up its turn. */
async function failLater(): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, 1));
  throw error;
}

const server = defineServer({
  init: (next: object | undefined) => ok(0, next as { continue: unknown }),
  trapExit: true,
  call: { fail: failLater },
  cast: { fail: failLater },
  info: failLater,
  continue: failLater,
  terminate: async (_, reason) => {
    if (reason.kind === 'shutdown') await failLater();
  },
});
const machine = setup({ actions: { work: missing('work') } }).createMachine({
  on: { go: { actions: 'work' } },
});

/** What runs, its input, and how its callback comes to be called. */
const places: Record<
  string,
  { logic: Spawnable<never>; input?: unknown; provoke?: (pid: Pid) => (system: Sent) => void }
> = {
  init: { logic: defineServer({ init: failLater }) },
  call: {
    logic: server,
    provoke:
      (pid) =>
      ({ call }) =>
        void call(pid, { type: 'fail' }).catch(() => 0),
  },
  cast: {
    logic: server,
    provoke:
      (pid) =>
      ({ cast }) =>
        cast(pid, { type: 'fail' }),
  },
  info: {
    logic: server,
    provoke:
      (pid) =>
      ({ send }) =>
        send(pid, 'fail'),
  },
  continue: { logic: server, input: { continue: 0 } },
  terminate: {
    logic: server,
    provoke:
      (pid) =>
      ({ exit }) =>
        exit(pid, exitReason.shutdown),
  },
  'the effect of a chart': {
    logic: defineStatechart(machine, { effects: () => ({ work: () => failLater() as never }) }),
    provoke:
      (pid) =>
      ({ send }) =>
        send(pid, { type: 'go' }),
  },
  task: { logic: defineTask(failLater) },
};

type Sent = Pick<ReturnType<typeof quietSystem>, 'call' | 'cast' | 'send' | 'exit'>;

describe('a promise that a callback returns and that rejects', () => {
  test.each(Object.entries(places))(
    '[PRC-004] [PRC-005] in %s: ends the process with the error, and nobody else',
    async (_name, { logic, input, provoke }) => {
      const system = quietSystem();
      const neighbour = await system.start(probe, {});
      const pid = system.spawn(logic, input as never);
      const gone = system.awaitExit(pid);
      if (provoke !== undefined) {
        await settle(1); // it is initialised then
        provoke(pid)(system);
      }
      await expect(gone).resolves.toEqual(exitReason.error(error));
      await expect(neighbour.call.seen()).resolves.toEqual([]);
      expect([...system.processes()]).toHaveLength(1);
      await system.stop();
    },
  );

  test('[PRC-003] so does exit() in it, with that reason', async () => {
    const system = quietSystem();
    const leaving = defineServer({
      init: () => ok(0),
      call: {
        leave: async (state, _: undefined, self) => {
          await Promise.resolve();
          if (state === 0) self.exit(exitReason.shutdown);
          return reply(0, state);
        },
      },
      info: (state) => noreply(state),
    });
    const ref = await system.start(leaving);
    const gone = system.awaitExit(ref.pid);
    await expect(ref.call.leave()).rejects.toMatchObject({ reason: exitReason.shutdown });
    await expect(gone).resolves.toEqual(exitReason.shutdown);
    await system.stop();
  });
});
