import type { ActorSystem } from '@snakepit/core';
import './events.ts';

/** A session was made. */
export function reportCreated({ telemetry }: ActorSystem, session: string, sessions: number): void {
  if (!telemetry.enabled('snakepit.session.created')) return;
  telemetry.emit('snakepit.session.created', { count: 1, sessions }, { session });
}

/** A session is gone. */
export function reportDestroyed(
  { telemetry }: ActorSystem,
  about: { readonly session: string; readonly reason: 'removed' | 'expired' },
  sessions: number,
): void {
  if (!telemetry.enabled('snakepit.session.destroyed')) return;
  telemetry.emit('snakepit.session.destroyed', { count: 1, sessions }, about);
}

/** Sessions have expired, and were removed. */
export function reportPruned(
  system: ActorSystem,
  ids: readonly string[],
  remainingSessions: number,
): void {
  for (const session of ids) {
    reportDestroyed(system, { session, reason: 'expired' }, remainingSessions);
  }
  const measured = { count: ids.length, remainingSessions };
  system.telemetry.emit('snakepit.bridge.session.pruned', measured, { reason: 'expired' });
}

/** There are nearly as many sessions as there may be. */
export function reportAccumulation(
  { telemetry, logger }: ActorSystem,
  currentSessions: number,
  maxSessions: number,
  threshold: number,
): void {
  logger.warn(`${currentSessions} of at most ${maxSessions} sessions are in use`);
  telemetry.emit(
    'snakepit.bridge.session.accumulation_warning',
    { currentSessions, maxSessions, utilization: currentSessions / maxSessions },
    { threshold },
  );
}
