import { attachDefaultHandlers, type ActorSystem } from '@snakepit/core';
import type { ResolvedConfig } from '../config/config.ts';
import { bridgeEvents } from './bridge-events.ts';
import { createEventSources } from './event-sources.ts';
import type { TelemetryStreamInput } from './telemetry-stream.ts';

/** What there is of events besides the bus. */
export interface EventServices {
  /** For the process that takes the events of Python. */
  readonly stream: TelemetryStreamInput;
  /** Ends the logging; the bus may outlive it. */
  close(): void;
}

/** Does with the events of a system what the configuration says. */
export function createEventServices(
  system: ActorSystem,
  { disabled, log, python: settings }: ResolvedConfig['telemetry'],
): EventServices {
  const { telemetry } = system;
  telemetry.describe(bridgeEvents);
  for (const pattern of disabled) telemetry.disable(pattern);
  return {
    stream: { sources: createEventSources(), settings },
    close:
      log === false
        ? () => undefined
        : attachDefaultHandlers(system, log === true ? {} : { level: log }),
  };
}
