import type { EventLevel, Telemetry } from '@snakepit/core';
import * as v from 'valibot';
import { decimal, flag, functions, group, texts, type Field, type FieldNotes } from './fields.ts';

const levels = ['debug', 'info', 'warn', 'error'] as const satisfies readonly EventLevel[];

/** Names of events, in which `*` stands for any characters. */
function patterns(options: FieldNotes): Field<readonly string[]> {
  return {
    ...texts(options),
    schema: v.pipe(v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(256))), v.maxLength(64)),
    expected: 'an array of at most 64 names, in which `*` stands for any characters',
  };
}

/** From which level on events are logged, if at all. */
function eventLog(options: FieldNotes): Field<EventLevel | boolean> {
  return {
    ...flag({ ...options, fallback: false }),
    schema: v.union([v.boolean(), v.picklist(levels)]),
    expected: `true, false or ${levels.map((level) => `"${level}"`).join(' or ')}`,
    fromText: (text) => ({ true: true, '1': true, false: false, '0': false })[text] ?? text,
  };
}

/** Keys of events. */
export const telemetrySchema = group('What becomes of events; see docs/telemetry.md.', {
  bus: functions<Telemetry>({
    meaning:
      'The event bus, made by `createTelemetry`; whoever attaches to it before the start hears that, too.',
    names: ['enabled', 'emit', 'on', 'attachMany', 'detach', 'disable', 'enable', 'onDemand'],
  }),
  disabled: patterns({
    meaning:
      'Events that nobody hears, whoever listens (R9.4), such as `snakepit.worker.heartbeat.*`.',
    variable: 'SNAKEPIT_TELEMETRY_DISABLED',
  }),
  log: eventLog({
    meaning: 'Whether events are logged, and from which level on; `true` is `"info"`.',
    variable: 'SNAKEPIT_TELEMETRY_LOG',
  }),
  python: group('Events that come from Python.', {
    enabled: flag({
      meaning: 'Whether they are taken at all, when somebody listens.',
      fallback: true,
      variable: 'SNAKEPIT_TELEMETRY_PYTHON',
    }),
    sampling: decimal({
      meaning: 'Which part of the events that `sampled` names workers send.',
      min: 0,
      max: 1,
      fallback: 1,
      variable: 'SNAKEPIT_TELEMETRY_SAMPLING',
    }),
    sampled: patterns({
      meaning: 'Names in Python of the events that are sampled; all when empty.',
    }),
    allow: patterns({ meaning: 'Names in Python of the events that are sent; all when empty.' }),
    deny: patterns({ meaning: 'Names in Python of the events that are not sent.' }),
  }),
});
