import { matchesGlob, type Telemetry } from '@snakepit/core';
import type { TelemetryEvent__Output } from '../gen/snakepit/bridge/TelemetryEvent.ts';
import type { WorkerMetadata } from './events.ts';
import { pythonEvents } from './python-event-table.ts';
import type { PythonEvent, PythonTelemetryEvents } from './python-events.ts';

/** Limits of what a worker may say; its own side keeps them too, but it is not trusted. */
const limits = { name: 128, entries: 32, key: 64, text: 512 } as const;

/** What a worker tells of events that it lost. */
const dropped = 'python.telemetry.dropped';

type PythonEventName = {
  [N in keyof PythonTelemetryEvents]: PythonTelemetryEvents[N] extends PythonEvent ? N : never;
}[keyof PythonTelemetryEvents];

/** Which events of Python are taken. */
export interface PythonEventFilter {
  /** Patterns of their names in Python; all when there are none. */
  readonly allow: readonly string[];
  /** Patterns of those that are not. */
  readonly deny: readonly string[];
}

/**
 * Puts an event of a worker's Python on the bus, under the name that the table has for it. Whatever the worker sends, only
 * numbers and texts of limited size arrive, where nothing looks for anything else.
 */
export function tellPythonEvent(
  telemetry: Telemetry,
  { pool, workerId }: WorkerMetadata,
  sent: TelemetryEvent__Output,
  filter: PythonEventFilter,
): void {
  const event = sent.event_parts.slice(0, limits.entries).join('.').slice(0, limits.name);
  if (event === dropped) {
    const { count = 1 } = numbersOf(sent);
    telemetry.emit('snakepit.python.telemetry.dropped', { count }, { pool, workerId });
    return;
  }
  if (!isAdmitted(event, filter)) return;
  const name = nameOf(event);
  if (!telemetry.enabled(name)) return;
  telemetry.emit(name, numbersOf(sent), {
    ...{ pool, workerId, event },
    timestampMs: sent.timestamp_ns / 1e6,
    correlationId: sent.correlation_id.slice(0, limits.text),
    tags: tagsOf(sent),
  });
}

function isAdmitted(name: string, { allow, deny }: PythonEventFilter): boolean {
  const matches = (pattern: string): boolean => matchesGlob(pattern, name);
  return !deny.some(matches) && (allow.length === 0 || allow.some(matches));
}

/** The original's names for what the original names. */
function nameOf(event: string): PythonEventName {
  const name = `snakepit.${event.startsWith('tool.') ? 'python.' : ''}${event}`;
  return isKnown(name) ? name : 'snakepit.python.event';
}

function isKnown(name: string): name is PythonEventName {
  // Those that the runtime itself tells of are nobody else's.
  return Object.hasOwn(pythonEvents, name) && !name.startsWith('snakepit.python.telemetry.');
}

function numbersOf({ measurements }: TelemetryEvent__Output): Record<string, number> {
  const numbers = empty<number>();
  for (const [name, { int_value: whole, float_value: float }] of entriesOf(measurements)) {
    const value = whole ?? float;
    if (value !== undefined) numbers[name.slice(0, limits.key)] = value;
  }
  return numbers;
}

function tagsOf({ metadata }: TelemetryEvent__Output): Record<string, string> {
  const tags = empty<string>();
  for (const [name, text] of entriesOf(metadata)) {
    tags[name.slice(0, limits.key)] = text.slice(0, limits.text);
  }
  return tags;
}

function entriesOf<T>(map: Readonly<Record<string, T>>): readonly [string, T][] {
  return Object.entries(map).slice(0, limits.entries);
}

/** Without a prototype, `__proto__` is a name like any other. */
function empty<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}
