import { assign, setup } from 'xstate';
import type { Finding } from './detectors.ts';

/** What happens to a suspicion, at each look. */
export type AnomalyEvent =
  /** The detector found something. */
  | { readonly type: 'look.found'; readonly finding: Finding; readonly atMs: number }
  /** It did not. */
  | { readonly type: 'look.clean'; readonly atMs: number };

/** What is known of an anomaly. */
export interface AnomalyContext {
  /** Looks in a row that must find something before it is told. */
  readonly raiseAfter: number;
  /** Looks in a row that must find nothing before it is over. */
  readonly clearAfter: number;
  /** Looks in a row with the present result, while they count. */
  readonly inARow: number;
  /** What was found last. */
  readonly finding: Finding | undefined;
  /** When it was told. */
  readonly raisedAtMs: number;
}

/** What it begins with. */
export type AnomalyInput = Pick<AnomalyContext, 'raiseAfter' | 'clearAfter'>;

const unprovided = (name: string) => (): never => {
  throw new Error(`provide the action '${name}'`);
};

/** One thing that may be wrong with one subject: a single look neither raises nor clears an alarm. */
export const anomalyMachine = setup({
  types: {
    context: {} as AnomalyContext,
    events: {} as AnomalyEvent,
    input: {} as AnomalyInput,
  },
  actions: {
    raise: unprovided('raise'),
    clear: unprovided('clear'),
    remember: assign({ finding: (_, finding: Finding) => finding }),
    noteRaised: assign({ raisedAtMs: (_, atMs: number) => atMs }),
    count: assign({ inARow: ({ context }) => context.inARow + 1 }),
    countFromOne: assign({ inARow: 1 }),
  },
  guards: {
    isConfirmed: ({ context }) => context.inARow + 1 >= context.raiseAfter,
    isOver: ({ context }) => context.inARow + 1 >= context.clearAfter,
  },
}).createMachine({
  id: 'anomaly',
  context: ({ input }) => ({ ...input, inARow: 0, finding: undefined, raisedAtMs: 0 }),
  initial: 'quiet',
  states: {
    quiet: {
      on: {
        'look.found': {
          target: 'suspected',
          actions: ['countFromOne', { type: 'remember', params: ({ event }) => event.finding }],
        },
      },
    },
    suspected: {
      on: {
        'look.found': [
          {
            guard: 'isConfirmed',
            target: 'raised',
            actions: [
              { type: 'remember', params: ({ event }) => event.finding },
              { type: 'noteRaised', params: ({ event }) => event.atMs },
              'raise',
            ],
          },
          { actions: ['count', { type: 'remember', params: ({ event }) => event.finding }] },
        ],
        'look.clean': 'quiet',
      },
    },
    raised: {
      on: {
        'look.found': { actions: { type: 'remember', params: ({ event }) => event.finding } },
        'look.clean': { target: 'fading', actions: 'countFromOne' },
      },
    },
    fading: {
      on: {
        'look.found': {
          target: 'raised',
          actions: { type: 'remember', params: ({ event }) => event.finding },
        },
        'look.clean': [
          { guard: 'isOver', target: 'quiet', actions: 'clear' },
          { actions: 'count' },
        ],
      },
    },
  },
});
