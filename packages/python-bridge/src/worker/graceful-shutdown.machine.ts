import { assign, setup } from 'xstate';
import { provide } from '../unprovided-effect.ts';

/** What happens while a worker is being stopped. */
export type GracefulShutdownEvent =
  /** The last call in flight has ended. */
  | { readonly type: 'calls.ended' }
  /** Whoever asked for the stop has waited long enough for calls in flight. */
  | { readonly type: 'drain.expired' }
  /** The operating system says that every process of the group is gone. */
  | { readonly type: 'process.gone' }
  /** Somebody is in a hurry: straight to SIGKILL. */
  | { readonly type: 'shutdown.hurried' };

/** What a shutdown knows. */
export interface GracefulShutdownContext {
  /** How long calls in flight may go on, in milliseconds (R6.2). */
  readonly drainTimeoutMs: number;
  /** Time between SIGTERM and SIGKILL, in milliseconds (R3.2). */
  readonly termTimeoutMs: number;
  /** How long to wait for the operating system after SIGKILL, in milliseconds. */
  readonly killTimeoutMs: number;
  /** Where it begins: a healthy worker is drained or asked, a sick or crashed one is killed. */
  readonly begin: 'drain' | 'ask' | 'kill';
  /** The strongest means that was needed. */
  readonly means: 'none' | 'term' | 'kill';
}

/** What a shutdown is started with. */
export type GracefulShutdownInput = Omit<GracefulShutdownContext, 'means'>;

/** How a shutdown went. */
export interface GracefulShutdownOutput {
  /** Whether the operating system confirmed that every process is gone (R6.5). */
  readonly confirmed: boolean;
  /** The strongest means that was needed. */
  readonly means: 'none' | 'term' | 'kill';
}

/**
 * Stops one worker: calls in flight finish, then SIGTERM, then SIGKILL, done when the operating system confirms
 * (R6.1, R6.3, R6.5, R10.4).
 */
export const gracefulShutdownMachine = setup({
  types: {
    context: {} as GracefulShutdownContext,
    events: {} as GracefulShutdownEvent,
    input: {} as GracefulShutdownInput,
    output: {} as GracefulShutdownOutput,
  },
  actions: {
    awaitCalls: provide('awaitCalls'),
    askProcess: provide('askProcess'),
    killProcess: provide('killProcess'),
    rememberMeans: assign({ means: (_, means: 'term' | 'kill') => means }),
  },
  guards: {
    mustDrain: ({ context }) => context.begin === 'drain',
    mustKill: ({ context }) => context.begin === 'kill',
  },
  delays: {
    gracefulShutdownTimeout: ({ context }) => context.drainTimeoutMs,
    termTimeout: ({ context }) => context.termTimeoutMs,
    killTimeout: ({ context }) => context.killTimeoutMs,
  },
}).createMachine({
  id: 'gracefulShutdown',
  context: ({ input }) => ({ ...input, means: 'none' }),
  initial: 'running',
  states: {
    running: {
      always: [
        { guard: 'mustKill', target: 'killing' },
        { guard: 'mustDrain', target: 'draining' },
        { target: 'asking' },
      ],
    },
    draining: {
      // There may be none in flight, and then nothing would tell of their end.
      entry: 'awaitCalls',
      on: {
        'calls.ended': 'asking',
        'drain.expired': 'asking',
        'process.gone': 'confirmed',
        'shutdown.hurried': 'killing',
      },
      after: { gracefulShutdownTimeout: 'asking' },
    },
    asking: {
      entry: [{ type: 'rememberMeans', params: 'term' }, 'askProcess'],
      on: { 'process.gone': 'confirmed', 'shutdown.hurried': 'killing' },
      after: { termTimeout: 'killing' },
    },
    killing: {
      entry: [{ type: 'rememberMeans', params: 'kill' }, 'killProcess'],
      on: { 'process.gone': 'confirmed' },
      after: { killTimeout: 'unconfirmed' },
    },
    confirmed: { type: 'final', output: true },
    unconfirmed: { type: 'final', output: false },
  },
  output: ({ context, event }) => ({
    confirmed: event.output === true,
    means: context.means,
  }),
});
