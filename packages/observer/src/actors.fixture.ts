import { createSystem, defineServer, noreply, ok, reply, silentLogger } from '@snakepit/core';
import { defineStatechart, type ActorSystem, type SystemOptions } from '@snakepit/core';
import { assign, setup } from 'xstate';

/** A system that logs nothing. */
export function quietSystem(options: SystemOptions = {}): ActorSystem {
  return createSystem({ logger: silentLogger, ...options });
}

/** Counts, and keeps whatever it is given. */
export const keeper = defineServer({
  name: 'keeper',
  init: (kept: unknown) => ok(kept),
  call: {
    get: (kept) => reply(kept, kept),
    wait: async (kept, opened: Promise<void>) => {
      await opened;
      return reply('done', kept);
    },
  },
  cast: {
    keep: (_kept, next: unknown) => noreply(next),
    crash: () => {
      throw new Error('told to crash');
    },
  },
  info: (kept) => noreply(kept),
});

/** Spawns what it is told to. */
export const parent = defineServer({
  name: 'parent',
  init: () => ok(0),
  call: {
    spawn: (count, kept: unknown, self) => reply(self.spawn(keeper, kept), count + 1),
  },
});

/** A light that can be switched, and fails when it is told to. */
export const light = defineStatechart(
  setup({
    types: {
      context: {} as { switched: number; apiKey: string },
      events: {} as { type: 'toggle' } | { type: 'fail' },
    },
    guards: { isNew: ({ context }) => context.switched < 1_000 },
    actions: {
      count: assign({ switched: ({ context }) => context.switched + 1 }),
      fail: () => {
        throw new Error('the lamp broke');
      },
    },
  }).createMachine({
    id: 'light',
    context: { switched: 0, apiKey: 'sk-12345' },
    initial: 'off',
    on: { fail: { actions: 'fail' } },
    states: {
      off: { on: { toggle: { target: 'on', guard: 'isNew', actions: 'count' } } },
      on: { on: { toggle: 'off' }, after: { 60_000: 'off' } },
    },
  }),
);
