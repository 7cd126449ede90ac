import type { Telemetry } from '../telemetry/telemetry.ts';
import { exitReason } from './exit-reason.ts';
import type { Process } from './process.ts';

/** Tells of a process that exists; its code has not run yet. @internal */
export function tellSpawned(telemetry: Telemetry, process: Process): void {
  if (!telemetry.enabled('snakepit.process.spawned')) return;
  const { pid, parent, behaviour, name } = process;
  telemetry.emit('snakepit.process.spawned', { count: 1 }, { pid, parent, behaviour, name });
}

/** Tells of a process that is gone; its name is free again. @internal */
export function tellExited(telemetry: Telemetry, process: Process): void {
  if (!telemetry.enabled('snakepit.process.exited')) return;
  const { pid, behaviour, name, turns, reason = exitReason.noproc } = process;
  telemetry.emit('snakepit.process.exited', { count: 1, turns }, { pid, behaviour, name, reason });
}
