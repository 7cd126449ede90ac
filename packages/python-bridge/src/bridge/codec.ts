import { bridgeError, pythonException } from '../errors.ts';
import type { ErrorIds } from '../errors.ts';
import { findJsonFault } from './json-check.ts';
import type { Any__Output } from '../gen/google/protobuf/Any.ts';
import type { ExecuteToolResponse__Output } from '../gen/snakepit/bridge/ExecuteToolResponse.ts';

/** The type url of every value; the receiving side reads any other as JSON too. */
const jsonTypeUrl = 'type.googleapis.com/google.protobuf.StringValue';

/** A value on the wire: the text of a JSON value, raw. */
export type WireAny = Any__Output;

/** What counts in the answer of a tool; what it returned is `result`, or `binary_result` when that was bytes. */
export type ToolResponse = Pick<
  ExecuteToolResponse__Output,
  'success' | 'result' | 'error_message' | 'binary_result'
>;

/** The arguments of a call, ready for the wire: a copy, but for bytes, which must not be changed before the call is over. */
export interface EncodedArguments {
  /** Argument name to JSON. */
  readonly parameters: Readonly<Record<string, WireAny>>;
  /** Argument name to bytes. */
  readonly binaryParameters: Readonly<Record<string, Uint8Array>>;
}

const none: Readonly<Record<string, never>> = Object.freeze({});

/**
 * Encodes the arguments of a call; a Buffer or Uint8Array that is an argument by itself travels as bytes.
 *
 * Properties that are undefined are left out, a Date becomes its ISO string, anything with `toJSON()` what that returns.
 *
 * @param args - Argument name to value.
 * @param tool - Name of the tool, for the error.
 * @param binary - Further arguments that are bytes.
 * @throws SnakepitError INVALID_ARGUMENT, when something would be lost or changed on the way; with its path.
 */
export function encodeArguments(
  args: Readonly<Record<string, unknown>> = none,
  tool?: string,
  binary: Readonly<Record<string, Uint8Array>> = none,
): EncodedArguments {
  refuseNonObject(args, tool, 'args');
  refuseNonObject(binary, tool, 'options.binary');
  const parameters: Record<string, WireAny> = {};
  let binaryParameters: Record<string, Uint8Array> | undefined;
  for (const name of Object.keys(args)) {
    const value = args[name];
    if (value === undefined) continue;
    if (name === '' || name === '__proto__') refuseName(name, tool);
    if (value instanceof Uint8Array) (binaryParameters ??= {})[name] = value;
    else parameters[name] = encodeJson(value, `args.${name}`, tool);
  }
  for (const name of Object.keys(binary)) {
    const value: unknown = binary[name];
    if (name === '' || name === '__proto__') refuseName(name, tool);
    if (!(value instanceof Uint8Array)) {
      throw invalid(
        tool,
        `options.binary.${name}`,
        'is not binary data',
        'pass a Buffer or a Uint8Array.',
      );
    }
    if (name in parameters || (binaryParameters !== undefined && name in binaryParameters)) {
      throw invalid(tool, `options.binary.${name}`, 'is an argument of args too', 'pass it once.');
    }
    (binaryParameters ??= {})[name] = value;
  }
  return { parameters, binaryParameters: binaryParameters ?? none };
}

/**
 * Encodes one value as JSON in an `Any`.
 *
 * @param value - Anything that JSON keeps as it is.
 * @param path - Where it stands, for the error.
 * @param tool - Name of the tool, for the error.
 * @throws SnakepitError INVALID_ARGUMENT with the path of what cannot be encoded.
 */
export function encodeJson(value: unknown, path: string, tool?: string): WireAny {
  const fault = findJsonFault(value, path);
  if (fault !== undefined) throw invalid(tool, fault.path, fault.problem, fault.advice);
  return { type_url: jsonTypeUrl, value: Buffer.from(JSON.stringify(value), 'utf8') };
}

/**
 * Decodes one value.
 *
 * Whole numbers beyond 2**53 lose digits, as in any JSON of JavaScript; NaN and infinities arrive as the strings
 * `"NaN"`, `"Infinity"` and `"-Infinity"`.
 *
 * @param any - The value as it came; empty stands for null.
 * @throws SnakepitError PROTOCOL, when it is not JSON.
 */
export function decodeJson(any: WireAny | null | undefined, ids: ErrorIds = none): unknown {
  if (any === null || any === undefined || any.value.length === 0) return null;
  const text = any.value.toString('utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const problem = `a value of type "${any.type_url}" is not JSON: ${JSON.stringify(text.slice(0, 80))}`;
    throw bridgeError('PROTOCOL', { ...ids, problem }, { cause });
  }
}

/**
 * What a tool returned.
 *
 * @param response - The answer of ExecuteTool.
 * @param ids - Pool, worker, session and tool, for the error.
 * @returns The JSON value, or a Buffer when the tool returned bytes.
 * @throws SnakepitError PYTHON_EXCEPTION, when it raised; PROTOCOL, when the answer makes no sense.
 */
export function decodeToolResponse(response: ToolResponse, ids: ErrorIds = none): unknown {
  if (!response.success) throw decodeException(response.error_message, ids);
  if (response.result !== null) return decodeJson(response.result, ids);
  // Proto3 leaves out what is empty: a success without result is a tool that returned b"".
  return response.binary_result;
}

function decodeException(text: string, ids: ErrorIds): Error {
  const fields = parseObject(text);
  // A worker of the original, or one that is broken, may send plain text.
  if (fields === undefined) {
    return pythonException({ ...ids, type: 'Exception', module: '', message: text, traceback: '' });
  }
  return pythonException({
    ...ids,
    type: textOf(fields['type']) ?? textOf(fields['python_type']) ?? 'Exception',
    module: textOf(fields['module']) ?? '',
    message: textOf(fields['message']) ?? '',
    traceback: textOf(fields['traceback']) ?? joined(fields['stacktrace']),
  });
}

/** The object that a JSON text holds, or undefined when it holds none. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    // Not JSON: the caller has the text and decides.
    return undefined;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function joined(lines: unknown): string {
  return Array.isArray(lines) ? lines.map(String).join('') : '';
}

function refuseNonObject(value: unknown, tool: string | undefined, path: string): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    if (!(value instanceof Uint8Array) && !(value instanceof Map)) return;
  }
  const what =
    value === null
      ? 'null'
      : Array.isArray(value)
        ? 'an array'
        : value instanceof Map
          ? 'a Map'
          : value instanceof Uint8Array
            ? 'binary data'
            : `a ${typeof value}`;
  const advice = 'arguments have names: pass an object such as { a: 2, b: 3 }.';
  throw invalid(tool, path, `is ${what}, not an object`, advice);
}

function refuseName(name: string, tool: string | undefined): void {
  const path = `args[${JSON.stringify(name)}]`;
  const advice = "name the argument as the tool's parameter is named.";
  throw invalid(tool, path, 'is no name of an argument', advice);
}

function invalid(tool: string | undefined, path: string, problem: string, advice: string): Error {
  return bridgeError('INVALID_ARGUMENT', { tool, path, problem, advice });
}
