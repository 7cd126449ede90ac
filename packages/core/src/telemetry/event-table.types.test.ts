import { occurrence, type EventTableOf } from './event-table.ts';

interface Events {
  readonly 'a.b': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: { readonly pool: string; readonly session?: string };
  };
}

const [description, level] = ['What happened.', 'info'] as const;
const described = { description, level, measurements: { count: occurrence } };

/** A table that has every event with every member, and nothing else. */
export const table = {
  'a.b': { ...described, metadata: { pool: 'Its pool.', session: 'Its session.' } },
} satisfies EventTableOf<Events>;

/** Everything else does not compile. */
export const refused: readonly unknown[] = [
  // @ts-expect-error -- an event is missing
  {} satisfies EventTableOf<Events>,
  {
    'a.b': { ...described, metadata: { pool: 'Its pool.', session: 'Its session.' } },
    // @ts-expect-error -- an event that is not declared
    'a.c': { ...described, metadata: {} },
  } satisfies EventTableOf<Events>,
  {
    // @ts-expect-error -- a member is missing
    'a.b': { ...described, metadata: { pool: 'Its pool.' } },
  } satisfies EventTableOf<Events>,
  {
    'a.b': {
      ...described,
      // @ts-expect-error -- a member that the event does not have
      metadata: { pool: 'Its pool.', session: 'Its session.', tool: 'Its tool.' },
    },
  } satisfies EventTableOf<Events>,
];
