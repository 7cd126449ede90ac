import type { DownMessage } from '@snakepit/core';
import { endOfStopped } from './reports.ts';
import type { SupervisorContext } from './supervisor-context.ts';

interface Scope<E> {
  readonly context: SupervisorContext;
  readonly event: E;
}

/** Params of an effect on the child at hand. */
export function atHand({ context }: { readonly context: SupervisorContext }): { serial: number } {
  return { serial: context.at ?? -1 };
}

/** Params of a start that succeeded. */
export function startOf({
  event: { pid, atMs },
}: {
  readonly event: { readonly pid: number; readonly atMs: number };
}): { pid: number; atMs: number } {
  return { pid, atMs };
}

const pidOfDown = ({ event }: { readonly event: DownMessage }) => ({ pid: event.pid?.id });

/**
 * One child after another, downwards: asked, killed when its time is over, dead before the next is asked (OTP
 * SHD-001, SHD-002). One that is dead already is told as if it ended now, with its own reason (SHD-007, SHD-008).
 *
 * @param done - Where to go when all of them are down.
 */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the literal types are what createMachine checks
export function stopStates(done: string) {
  const ended = {
    guard: { type: 'isAtHand', params: pidOfDown },
    target: 'choosing',
    actions: [
      {
        type: 'noteEnd',
        params: ({ context, event }: Scope<DownMessage>) =>
          endOfStopped(context.children, event.pid?.id, event.reason),
      },
      {
        type: 'rememberStop',
        params: ({ event }: Scope<DownMessage>) => ({
          pid: event.pid?.id ?? -1,
          reason: event.reason,
        }),
      },
    ],
  } as const;
  return {
    choosing: {
      entry: 'aimDown',
      always: [
        { guard: 'noneLeft', target: done },
        { guard: 'isBrutal', target: 'killing' },
        { guard: 'isPatient', target: 'askedWithoutLimit' },
        { target: 'asked' },
      ],
    },
    asked: {
      entry: { type: 'askChild', params: atHand },
      after: { shutdown: 'killing' },
      on: { DOWN: ended },
    },
    // A supervisor child needs all the time that its own children need (SHD-003).
    askedWithoutLimit: { entry: { type: 'askChild', params: atHand }, on: { DOWN: ended } },
    // Nothing survives a kill, so the wait for the end needs no limit (SHD-002).
    killing: { entry: { type: 'killChild', params: atHand }, on: { DOWN: ended } },
  } as const;
}

/**
 * The start of the child at hand, as one of several.
 *
 * @param next - Where the next child to start is chosen.
 * @param again - Whether this is a restart.
 */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the literal types are what createMachine checks
export function startStates(next: string, again: boolean) {
  return {
    entry: ['beginStart', { type: 'startChild', params: atHand }],
    on: {
      'child.started': {
        target: next,
        actions: [
          {
            type: 'rememberStart',
            params: startOf,
          },
          {
            type: 'noteStart',
            params: ({ context }: { readonly context: SupervisorContext }) => ({
              ...atHand({ context }),
              again,
              asked: false,
            }),
          },
        ],
      },
      'child.ignored': {
        target: next,
        actions: [{ type: 'noteIgnored', params: atHand }, 'settle'],
      },
    },
  } as const;
}
