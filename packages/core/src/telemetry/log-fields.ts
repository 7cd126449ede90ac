import { isSnakepitError } from '../errors.ts';
import { Pid } from '../process/pid.ts';
import { isExitReason, type ExitReason } from '../process/exit-reason.ts';

/** What a line of the log says of one thing. */
type LogField = string | number | boolean;

/** Longest text of a field, in characters. */
const longestText = 200;

/**
 * What an event carries, fit for a log: plain values only, of each text one line. Where the two have a name in common the
 * metadata's is told.
 */
export function logFieldsOf(measurements: object, metadata: object): Record<string, LogField> {
  const fields: Record<string, LogField> = {};
  for (const [name, value] of [...Object.entries(measurements), ...Object.entries(metadata)]) {
    const field = fieldOf(value);
    if (field !== undefined) fields[name] = field;
  }
  return fields;
}

function fieldOf(value: unknown): LogField | undefined {
  switch (typeof value) {
    case 'number':
    case 'boolean':
      return value;
    case 'string':
      return oneLine(value);
    case 'object':
      return value === null ? undefined : shapeOf(value);
    default:
      return value === undefined ? undefined : typeof value;
  }
}

/** Of what may hold somebody's data only its kind and size. */
function shapeOf(value: object): string {
  if (value instanceof Pid) return oneLine(String(value));
  if (Array.isArray(value)) return `[${value.length}]`;
  if (value instanceof Error) return isSnakepitError(value) ? value.code : oneLine(value.name);
  if (isExitReason(value)) return reasonOf(value);
  return `{${Object.keys(value).length}}`;
}

function reasonOf(reason: ExitReason): string {
  return reason.kind === 'error' ? `error ${String(fieldOf(reason.error))}` : reason.kind;
}

/** Texts that look like keys, tokens and passwords, with what stands for them. */
const secret =
  /\b(?:(?:bearer|basic)\s+|(?:api[_-]?key|token|secret|password|passwd|authorization)["']?\s*[=:]\s*["']?(?:(?:bearer|basic)\s+)?)[^\s"',;&]+/giu;

function oneLine(text: string): string {
  const [line = ''] = text.slice(0, longestText * 4).split(/[\r\n]/u, 1);
  // eslint-disable-next-line no-control-regex -- They would move the cursor of whoever reads the log.
  const plain = line.replaceAll(/[\u0000-\u001f\u007f-\u009f]/gu, ' ').replaceAll(secret, '***');
  return plain.length > longestText ? `${plain.slice(0, longestText)}…` : plain;
}
