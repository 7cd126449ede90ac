import type { ReasonWord } from './reasons.ts';

/** What a bare process can be told to do. Processes, monitors and timers are named by words. */
export type Command =
  | {
      readonly do: 'spawn';
      readonly id: string;
      readonly how: 'plain' | 'link' | 'monitor';
    }
  | { readonly do: 'trap'; readonly on: boolean }
  | { readonly do: 'die'; readonly how: 'return' | 'raise' }
  | { readonly do: 'die'; readonly how: 'exit'; readonly reason: ReasonWord }
  | { readonly do: 'link' | 'unlink' | 'alive'; readonly to: string }
  | { readonly do: 'exit'; readonly to: string; readonly reason: ReasonWord }
  | { readonly do: 'send'; readonly to: string; readonly text: string }
  | { readonly do: 'monitor'; readonly to: string; readonly ref: string }
  | { readonly do: 'demonitor'; readonly ref: string; readonly flush: boolean }
  | {
      readonly do: 'after';
      readonly to: string;
      readonly ms: number;
      readonly text: string;
      readonly timer: string;
    }
  | {
      readonly do: 'afterName';
      readonly name: string;
      readonly ms: number;
      readonly text: string;
      readonly timer: string;
    }
  | { readonly do: 'cancel'; readonly timer: string }
  | { readonly do: 'monitorName'; readonly name: string; readonly ref: string }
  | { readonly do: 'sendName'; readonly name: string; readonly text: string }
  | { readonly do: 'register' | 'unregister' | 'whereis'; readonly name: string };

/** Something that happens, once all is quiet. */
export type ProcessStep =
  | { readonly do: 'tell'; readonly who: string; readonly what: Command }
  /** From now on it reads nothing but what it is told: all else waits in its mailbox. */
  | { readonly do: 'hold'; readonly who: string }
  | { readonly do: 'release'; readonly who: string }
  /** Time passes; longer than the short timers take. */
  | { readonly do: 'wait' };

/** Bare processes and what happens to them. */
export interface ProcessHistory {
  /** Those that there are at first; nobody's children. */
  readonly processes: readonly string[];
  readonly steps: readonly ProcessStep[];
}

/** How long a wait takes, in milliseconds. */
export const waitMs = 45;

/** A history for people: one step a line. */
export function readableHistory({ processes, steps }: ProcessHistory): string {
  const lines = steps.map((step, index) => `${index + 1}. ${stepText(step)}`);
  return [`processes ${processes.join(', ')}`, ...lines].join('\n');
}

function stepText(step: ProcessStep): string {
  if (step.do === 'wait') return 'time passes';
  if (step.do !== 'tell') return `${step.do} ${step.who}`;
  return `${step.who}: ${Object.values<unknown>(step.what).map(String).join(' ')}`;
}
