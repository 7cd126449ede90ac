import { assign, setup } from 'xstate';
import { noreply, ok, reply, stop } from '../behaviours/gen-server-results.ts';
import { defineServer } from '../behaviours/gen-server.ts';
import { defineStatechart } from '../behaviours/statechart.ts';
import { exitReason } from '../process/exit-reason.ts';

/** Adds, ends, fails. */
export const counter = defineServer({
  name: 'counter',
  init: (start: number) => ok(start),
  call: { add: (count: number, by: number) => reply(count + by, count + by) },
  cast: {
    add: (count: number, by: number) => noreply(count + by),
    end: (count: number) => stop(exitReason.normal, count),
    fail: (): never => {
      throw new Error('no more');
    },
  },
});

/** Stays closed as long as nobody has knocked, which nobody counts; paint waits until it is open. */
export const door = defineStatechart(
  setup({
    types: {
      context: {} as { readonly knocks: number },
      events: {} as { readonly type: 'open' | 'close' | 'knock' | 'paint' },
    },
    guards: { isKnockedAt: ({ context }) => context.knocks > 0 },
    actions: { creak: () => undefined },
    delays: { draught: 500 },
  }).createMachine({
    id: 'door',
    context: { knocks: 0 },
    initial: 'closed',
    states: {
      closed: {
        meta: { postpone: ['paint'] },
        on: { open: { guard: 'isKnockedAt', target: 'open', actions: 'creak' }, knock: 'knocked' },
      },
      knocked: { always: 'closed' },
      open: { on: { close: 'closed', paint: {} }, after: { draught: 'closed' } },
    },
  }),
);

/** Greets who knocks, and goes back after a while. */
export const doorkeeper = defineStatechart(
  setup({
    types: {
      context: {} as { readonly knocks: number },
      events: {} as { readonly type: 'knock' | 'nod' | 'hush' },
    },
    guards: { isUp: () => true },
    actions: {
      count: assign({ knocks: ({ context }) => context.knocks + 1 }),
      greet: () => undefined,
    },
  }).createMachine({
    id: 'keeper',
    context: { knocks: 0 },
    initial: 'idle',
    states: {
      idle: { on: { knock: { target: 'waking', actions: 'count' } } },
      waking: { always: { guard: 'isUp', target: 'greeting' } },
      greeting: { entry: 'greet', after: { 300: 'idle' } },
    },
  }),
  {
    effects: (self) => ({
      greet: () => {
        self.sendAfter(200, { type: 'hush' });
        self.send(self.pid, { type: 'nod' });
      },
    }),
  },
);
