import { coreError } from '../errors.ts';
import type { Process } from '../process/process.ts';
import type { Runtime } from '../process/runtime.ts';

/** Messages that each process knows by name unless told otherwise. */
const defaultRecorderSize = 16;

/** Milliseconds that a turn may take without a warning, unless told otherwise. */
const defaultLongTurnMs = 100;

/** The size of the flight recorder, or what is wrong with it. @internal */
export function checkRecorderSize(size: number = defaultRecorderSize): number {
  if (Number.isSafeInteger(size) && size >= 0) return size;
  throw coreError('INVALID_ARGUMENT', {
    argument: 'the option flightRecorder',
    value: size,
    fault: 'it must be a whole number of events, 0 or more',
    remedy: 'Give how many messages each process keeps for its crash report; 0 keeps none.',
  });
}

/** The longest turn without a warning, or what is wrong with it. @internal */
export function checkLongTurn(longTurnMs: number = defaultLongTurnMs): number {
  if (longTurnMs > 0) return longTurnMs;
  throw coreError('INVALID_ARGUMENT', {
    argument: 'the option longTurnMs',
    value: longTurnMs,
    fault: 'it must be more than 0 milliseconds',
    remedy: 'Give milliseconds; Infinity warns of no turn.',
  });
}

/**
 * Tells of a turn that took too long: nobody else had one meanwhile, and no timer or socket was served (OTP PRC-021).
 *
 * @param tookMs - How long, all turns together, when they are of several processes.
 * @param whose - The process; or several, of which one or more took long.
 * @internal
 */
export function reportLongTurn(runtime: Runtime, tookMs: number, whose: readonly Process[]): void {
  const candidates = whose.map(({ pid }) => pid);
  const process = whose.length === 1 ? whose[0] : undefined;
  runtime.attempt('the event bus of the system', () => {
    if (!runtime.telemetry.enabled('snakepit.process.long_turn')) return;
    runtime.telemetry.emit(
      'snakepit.process.long_turn',
      { count: 1, durationMs: tookMs },
      { pid: process?.pid, behaviour: process?.behaviour, name: process?.name, candidates },
    );
  });
  const took =
    process === undefined
      ? `turns of ${candidates.join(', ')} took ${tookMs.toFixed(0)} ms together`
      : `${nameOf(process)} had a turn of ${tookMs.toFixed(0)} ms`;
  runtime.logger.warn(`${took}; everybody else waited. Divide the work, or await in between.`, {
    durationMs: tookMs,
    candidates,
  });
}

function nameOf(process: Process): string {
  const last = process.recent.at(-1);
  const message = last === undefined ? '' : `, handling ${last.kind} ${last.type}`;
  return `process ${process.pid.toString()} (${process.name ?? process.label})${message}`;
}
