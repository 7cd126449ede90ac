import { defineStatechart, type ProcessContext } from '@snakepit/core';
import {
  heartbeatMonitorMachine,
  type HeartbeatMonitorEvent,
  type HeartbeatMonitorInput,
} from './heartbeat-monitor.machine.ts';

/** A deadline may be late by this much before our own loop is held responsible, in milliseconds. */
const tolerableLatenessMs = 500;

/** The process that asks one worker for signs of life; linked to the worker, whose end it causes when there are none. */
export const heartbeatMonitor = defineStatechart(heartbeatMonitorMachine, {
  effects: createEffects,
});

function createEffects(self: ProcessContext, input: HeartbeatMonitorInput) {
  const { beats, pool, workerId, pingIntervalMs, timeoutThresholdMs } = input;
  const { clock, telemetry } = self.system;
  const about = { pool, workerId };
  const tell = (event: HeartbeatMonitorEvent): void => {
    self.send(self.pid, event);
  };
  let pingedAtMs = clock.now();
  let answeredAtMs = clock.now();

  const stopListening = beats.onPong(({ seq }) => {
    const latencyMs = clock.now() - pingedAtMs;
    answeredAtMs = clock.now();
    tell({ type: 'pong.received', seq, latencyMs });
  });
  self.signal.addEventListener('abort', stopListening, { once: true });

  return {
    sendPing(_params: unknown, { context }: { readonly context: { readonly seq: number } }) {
      pingedAtMs = clock.now();
      telemetry.emit('snakepit.worker.heartbeat.sent', { count: 1 }, about);
      beats.ping(context.seq);
    },
    judgeMiss({ since }: { readonly since: 'ping' | 'pong' }) {
      const dueAtMs =
        since === 'ping' ? pingedAtMs + pingIntervalMs : answeredAtMs + timeoutThresholdMs;
      const isLate = clock.now() - dueAtMs > tolerableLatenessMs;
      // A silence is counted anew from here: the worker had no chance while our loop stood still.
      if (isLate) answeredAtMs = clock.now();
      tell({ type: isLate ? 'miss.excused' : 'miss.confirmed' });
    },
    reportPong(
      _params: unknown,
      { context }: { readonly context: { readonly latencyMs: number | undefined } },
    ) {
      telemetry.emit(
        'snakepit.worker.heartbeat.received',
        { count: 1, latencyMs: context.latencyMs ?? 0 },
        about,
      );
    },
    reportMiss(_params: unknown, { context }: { readonly context: { readonly missed: number } }) {
      telemetry.emit(
        'snakepit.worker.heartbeat.missed',
        { count: 1, missed: context.missed },
        about,
      );
    },
    reportUnhealthy(
      _params: unknown,
      { context }: { readonly context: { readonly missed: number } },
    ) {
      telemetry.emit(
        'snakepit.worker.heartbeat.failed',
        { count: 1, missed: context.missed },
        about,
      );
    },
  };
}
