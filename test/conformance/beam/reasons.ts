import { exitReason, type ExitReason, type Pid } from '@snakepit/core';

/** Exit reasons by the words that scenarios and logs use; conf_reasons.erl is the same table for the other side. */
export const reasonWords = [
  'normal',
  'shutdown',
  '{shutdown,x}',
  'boom',
  'oops',
  'kill',
  'killed',
  'noproc',
  'timeout',
  '{shutdown,a,b}',
  '{normal,x}',
  '"shutdown"',
  '{kill,x}',
  '{shutdown,{x,y}}',
  '[]',
  '42',
] as const;

/** One of the reasons that children end with. */
export type ReasonWord = (typeof reasonWords)[number];

/** What children throw. */
export const crash = new Error('crash');

/** The reason that a word stands for: tuples and strings that OTP gives no meaning to are custom reasons here. */
export function reasonOf(word: ReasonWord): ExitReason {
  switch (word) {
    case 'normal':
    case 'shutdown':
    case 'kill':
    case 'killed':
    case 'noproc':
    case 'timeout':
      return exitReason[word];
    case '{shutdown,x}':
      return exitReason.shutdownWith('x');
    case '{shutdown,{x,y}}':
      return exitReason.shutdownWith('{x,y}');
    default:
      return exitReason.custom(word);
  }
}

/** How a reason is written. */
export function textOf(reason: ExitReason, nameOf: (pid: Pid) => string): string {
  switch (reason.kind) {
    case 'shutdownWith':
      return `{shutdown,${detailOf(reason.detail, nameOf)}}`;
    case 'error':
      return `error ${reason.error instanceof Error ? reason.error.message : String(reason.error)}`;
    case 'badReturn':
      return 'bad_return';
    case 'alreadyStarted':
      return `already_started ${nameOf(reason.pid)}`;
    case 'custom':
      return customOf(reason.value);
    default:
      return reason.kind;
  }
}

function detailOf(detail: unknown, nameOf: (pid: Pid) => string): string {
  if (!isRecord(detail) || detail['kind'] !== 'failedToStartChild') return String(detail);
  // That kind always carries a reason (OTP SUP-005).
  const why = textOf(detail['reason'] as ExitReason, nameOf);
  return `failed_to_start_child ${String(detail['id'])} (${why})`;
}

function customOf(value: unknown): string {
  if (isRecord(value) && value['kind'] === 'badCall') return 'bad_call';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
