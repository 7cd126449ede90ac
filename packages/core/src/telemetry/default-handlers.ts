import { coreError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { logFieldsOf } from './log-fields.ts';
import type { EventDescription, EventLevel } from './event-table.ts';
import type { Telemetry, TelemetryEventName } from './telemetry.ts';

/** How events are logged. */
export interface DefaultHandlerOptions {
  /** The least important events that are logged; default `info`. */
  readonly level?: EventLevel;
}

const importance = { debug: 0, info: 1, warn: 2, error: 3 } as const satisfies Record<
  EventLevel,
  number
>;

/**
 * Logs events: one line each, the name as the message, what it carries as fields. Neither secrets nor payloads: of texts the
 * first line, at most 200 characters; of lists and objects how many there are; of errors the code. What is disabled is not
 * logged.
 *
 * @param system - Whose events, by its logger.
 * @returns A function that ends it.
 * @throws SnakepitError INVALID_ARGUMENT for a level that there is not.
 */
export function attachDefaultHandlers(
  system: { readonly telemetry: Telemetry; readonly logger: Logger },
  { level = 'info' }: DefaultHandlerOptions = {},
): () => void {
  if (!Object.hasOwn(importance, level)) {
    throw coreError('INVALID_ARGUMENT', {
      argument: 'the option level of attachDefaultHandlers()',
      value: level,
      fault: 'there is no such level',
      remedy: `There are: ${Object.keys(importance).join(', ')}.`,
    });
  }
  const { telemetry, logger } = system;
  const offs: (() => void)[] = [];
  offs.push(
    telemetry.onDescribed((table) => {
      for (const [name, description] of Object.entries(table)) {
        if (importance[description.level] < importance[level]) continue;
        // The table and the interface of the events are kept equal by the compiler.
        offs.push(logEvents(telemetry, logger, name as TelemetryEventName, description));
      }
    }),
  );
  return () => {
    for (const off of offs.splice(0)) off();
  };
}

function logEvents(
  telemetry: Telemetry,
  logger: Logger,
  name: TelemetryEventName,
  { level }: EventDescription,
): () => void {
  return telemetry.on(name, (measurements: object, metadata: object) => {
    logger[level](name, logFieldsOf(measurements, metadata));
  });
}
