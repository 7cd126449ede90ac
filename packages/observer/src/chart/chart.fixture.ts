import { and, createMachine, fromPromise, not, or, setup } from 'xstate';
import type { AnyStateMachine } from 'xstate';

/** A machine with one of everything that a chart can hold. */
export const everyKind: AnyStateMachine = setup({
  types: { events: {} as { type: 'go' } | { type: 'stop' } | { type: 'note' } | { type: 'back' } },
  guards: { isReady: () => true, isTired: () => false, isOpen: () => true },
  actions: { greet: () => undefined, leave: () => undefined, write: () => undefined },
  actors: { fetching: fromPromise(() => Promise.resolve(1)) },
  delays: { patience: 1000 },
}).createMachine({
  id: 'every',
  initial: 'resting',
  states: {
    resting: {
      description: 'Nothing to do.',
      tags: ['calm'],
      entry: 'greet',
      exit: 'leave',
      after: { patience: 'working', 5000: { actions: 'write' } },
      on: {
        go: [
          { guard: and(['isReady', not('isTired')]), target: 'working', actions: 'write' },
          { guard: or([and(['isReady', 'isOpen']), 'isTired']), target: 'done' },
        ],
        note: { actions: 'write' },
      },
    },
    working: {
      type: 'parallel',
      states: {
        left: {
          initial: 'one',
          states: { one: { always: { guard: 'isOpen', target: 'two' } }, two: { type: 'final' } },
        },
        right: {
          invoke: {
            id: 'fetch',
            src: 'fetching',
            onDone: { target: '#every.done' },
            onError: { actions: () => undefined },
          },
        },
        memory: { type: 'history', history: 'deep' },
      },
      on: { stop: 'resting', back: { target: 'working', reenter: true } },
      onDone: 'done',
    },
    again: { type: 'history', target: 'resting' },
    done: { type: 'final' },
  },
  on: { '*': { actions: 'write' } },
});

/** Names that want to be something else. */
export const hostileNames = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onload='alert(1)",
  '</text></svg>',
  '&lt;&#60;',
  'hasOwnProperty',
  'constructor',
  'a;b:c#d{e}|f',
  'line\nbreak\u0000\u001b[31m\u2028\ud800',
  '漢字の状態',
  'x'.repeat(10_000),
  ']]>',
];

/**
 * A machine that is made of hostile names.
 *
 * @returns A machine with a state, an event and an action of each name.
 */
export function hostileMachine(): AnyStateMachine {
  return createMachine({
    id: '<b>"machine"</b>',
    initial: hostileNames[0] ?? '',
    states: Object.fromEntries(
      hostileNames.map((name, index) => [
        name,
        {
          id: `${index}${name}`,
          description: name,
          entry: name,
          on: { [name]: { target: `#${index}${name}`, reenter: true, actions: name, guard: name } },
          after: { 1000: { actions: name } },
        },
      ]),
    ),
  });
}
