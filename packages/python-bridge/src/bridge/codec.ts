import { types } from 'node:util';
import { bridgeError } from '../errors.ts';
import type { ErrorIds } from '../errors.ts';
import { exceptionFields, pythonException } from '../python-exception.ts';
import { Attachments, decodeText, reviveWhole, Undecodable } from './values/decode-value.ts';
import { encodeValue, type EncodeTarget } from './values/encode-value.ts';
import { markerKey } from './values/marker.ts';
import { bufferOf, bytesOf, isBinary, isBytes } from './values/buffers.ts';
import type { Any__Output } from '../gen/google/protobuf/Any.ts';
import type { ExecuteToolResponse__Output } from '../gen/snakepit/bridge/ExecuteToolResponse.ts';

/** The type url of every value; the receiving side reads any other as JSON too. */
const jsonTypeUrl = 'type.googleapis.com/google.protobuf.StringValue';

/** A value on the wire: the text of a JSON value, raw. */
export type WireAny = Any__Output;

/** What counts in the answer of a tool; what it returned is `result`, or `binary_result` when that was bytes. */
export type ToolResponse = Pick<
  ExecuteToolResponse__Output,
  'success' | 'result' | 'error_message' | 'binary_result' | 'attachments'
>;

/** The arguments of a call, ready for the wire: a copy, but for bytes, which must not be changed before the call is over. */
export interface EncodedArguments {
  /** Argument name to JSON text. */
  readonly json: Readonly<Record<string, string>>;
  /** Bytes to which markers in the texts point, by their place here. */
  readonly attachments: readonly Uint8Array[];
  /** Argument name to bytes: arguments that are bytes by themselves. */
  readonly binary: Readonly<Record<string, Uint8Array>>;
}

/**
 * What the JSON of the other side may hold: `values` is JSON with markers for what JSON lacks, `plain` is JSON as the
 * original has it.
 */
export type ValueMode = 'values' | 'plain';

const none: Readonly<Record<string, never>> = Object.freeze({});
const nothing: readonly Uint8Array[] = Object.freeze([]);
const plainTarget: EncodeTarget = { attachments: undefined };

/**
 * Encodes the arguments of a call; binary data that is an argument by itself travels as bytes, without any marker.
 *
 * Properties that are undefined are left out; anything with `toJSON()` is what that returns.
 *
 * @param args - Argument name to value.
 * @param tool - Name of the tool, for the error.
 * @param binary - Further arguments that are bytes.
 * @param mode - What the worker understands; default `values`.
 * @throws SnakepitError INVALID_ARGUMENT, when something would be lost or changed on the way; with its path.
 */
export function encodeArguments(
  args: Readonly<Record<string, unknown>> = none,
  tool?: string,
  binary: Readonly<Record<string, Uint8Array>> = none,
  mode: ValueMode = 'values',
): EncodedArguments {
  refuseNonObject(args, tool, 'args');
  refuseNonObject(binary, tool, 'options.binary');
  const attachments: Uint8Array[] = [];
  const target = { attachments: mode === 'values' ? attachments : undefined };
  const json: Record<string, string> = {};
  let bytes: Record<string, Uint8Array> | undefined;
  for (const name of Object.keys(args)) {
    const value = args[name];
    if (value === undefined) continue;
    if (isNoName(name)) refuseName(name, tool);
    if (isBytes(value)) (bytes ??= {})[name] = bytesOf(value);
    else json[name] = encodeText(value, `args.${name}`, target, tool);
  }
  for (const name of Object.keys(binary)) {
    const value: unknown = binary[name];
    const path = `options.binary.${name}`;
    if (isNoName(name)) refuseName(name, tool);
    if (!isBytes(value)) {
      throw invalid(tool, path, 'is not binary data', 'pass a Buffer or a Uint8Array.');
    }
    if (Object.hasOwn(json, name) || (bytes !== undefined && Object.hasOwn(bytes, name))) {
      throw invalid(tool, path, 'is an argument of args too', 'pass it once.');
    }
    (bytes ??= {})[name] = bytesOf(value);
  }
  return { json, attachments, binary: bytes ?? none };
}

/** The texts of arguments as the parameters of a unary call. */
export function toParameters(json: EncodedArguments['json']): Record<string, WireAny> {
  const parameters: Record<string, WireAny> = {};
  for (const name of Object.keys(json)) parameters[name] = anyOf(json[name] ?? '');
  return parameters;
}

function anyOf(text: string): WireAny {
  return { type_url: jsonTypeUrl, value: Buffer.from(text, 'utf8') };
}

function encodeText(
  value: unknown,
  path: string,
  target: EncodeTarget,
  tool: string | undefined,
): string {
  const text = encodeValue(value, path, target);
  if (typeof text === 'string') return text;
  throw invalid(tool, text.path, text.problem, text.advice);
}

/** A value on the wire, and the bytes to which markers in it point. */
export interface EncodedAny {
  /** The value. */
  readonly any: WireAny;
  /** The bytes. */
  readonly attachments: Uint8Array[];
}

/**
 * Encodes one value, with markers for what JSON lacks.
 *
 * @param value - The value.
 * @param path - Where it stands, for the error.
 * @param tool - Name of the tool, for the error.
 * @throws SnakepitError INVALID_ARGUMENT with the path of what cannot be encoded.
 */
export function encodeAny(value: unknown, path: string, tool?: string): EncodedAny {
  const attachments: Uint8Array[] = [];
  return { any: anyOf(encodeText(value, path, { attachments }, tool)), attachments };
}

/**
 * Encodes one value as JSON without markers, for whoever does not know them.
 *
 * @param value - Anything that JSON keeps as it is.
 * @param path - Where it stands, for the error.
 * @param tool - Name of the tool, for the error.
 * @throws SnakepitError INVALID_ARGUMENT with the path of what cannot be encoded.
 */
export function encodeJson(value: unknown, path: string, tool?: string): WireAny {
  return anyOf(encodeText(value, path, plainTarget, tool));
}

/**
 * Decodes one value of whoever knows no markers.
 *
 * @param any - The value as it came; empty stands for null.
 * @throws SnakepitError PROTOCOL, when it is not JSON.
 */
export function decodeJson(any: WireAny | null | undefined, ids: ErrorIds = none): unknown {
  if (any === null || any === undefined) return null;
  return decodeValue(any.value, nothing, ids, 'plain');
}

/**
 * Decodes the parameters of a call that Python makes.
 *
 * @param parameters - Name to value.
 * @param attachments - What markers in them point to.
 * @param mode - What Python may have sent.
 * @throws SnakepitError PROTOCOL, when one makes no sense; the problem begins with its name.
 */
export function decodeParameters(
  parameters: Readonly<Record<string, WireAny>>,
  attachments: readonly Uint8Array[],
  mode: ValueMode,
): Readonly<Record<string, unknown>> {
  const shared = mode === 'values' ? new Attachments(attachments) : undefined;
  return Object.fromEntries(
    Object.entries(parameters).map(([name, { value }]) => {
      if (value.length === 0) return [name, null];
      return [name, decodeWith(value, shared, `parameter "${name}": `, none)];
    }),
  );
}

/**
 * Decodes one value.
 *
 * @param json - JSON text, or its UTF-8; empty with one attachment for bytes, and with none for null.
 * @param attachments - What markers in the text point to; the value may share their memory.
 * @param ids - Pool, worker, session and tool, for the error.
 * @param mode - What the other side may have sent; default `values`.
 * @throws SnakepitError PROTOCOL, when it makes no sense.
 */
export function decodeValue(
  json: Uint8Array | string,
  attachments: readonly Uint8Array[] = nothing,
  ids: ErrorIds = none,
  mode: ValueMode = 'values',
): unknown {
  if (json.length === 0) {
    const [bytes = null, another] = attachments;
    if (another === undefined) return bytes === null ? null : bufferOf(bytes);
    const problem = `${attachments.length} attachments came without a text that points to them`;
    throw bridgeError('PROTOCOL', { ...ids, problem });
  }
  return decodeWith(json, mode === 'values' ? new Attachments(attachments) : undefined, '', ids);
}

/**
 * Puts into a value that was parsed already what its markers stand for; it came without attachments.
 *
 * @throws SnakepitError PROTOCOL, when it makes no sense.
 */
export function reviveParsed(parsed: unknown, ids: ErrorIds): unknown {
  return told(() => reviveWhole(parsed, new Attachments(nothing)), '', ids);
}

function decodeWith(
  json: Uint8Array | string,
  attachments: Attachments | undefined,
  prefix: string,
  ids: ErrorIds,
): unknown {
  return told(() => decodeText(json, attachments), prefix, ids);
}

function told(decode: () => unknown, prefix: string, ids: ErrorIds): unknown {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error;
    const problem = prefix + error.message;
    throw bridgeError('PROTOCOL', { ...ids, problem }, { cause: error.cause });
  }
}

/**
 * What a tool returned.
 *
 * @param response - The answer of ExecuteTool.
 * @param ids - Pool, worker, session and tool, for the error.
 * @param mode - What the worker may have sent; default `values`.
 * @returns The JSON value, or a Buffer when the tool returned bytes.
 * @throws SnakepitError PYTHON_EXCEPTION, when it raised; PROTOCOL, when the answer makes no sense.
 */
export function decodeToolResponse(
  response: ToolResponse,
  ids: ErrorIds = none,
  mode: ValueMode = 'values',
): unknown {
  if (!response.success) throw decodeException(response.error_message, ids);
  // Proto3 leaves out what is empty: a success without result is a tool that returned b"".
  if (response.result === null) return response.binary_result;
  return decodeValue(response.result.value, response.attachments, ids, mode);
}

/** The exception of a tool: a JSON object with its class, message and traceback, or plain text. */
export function decodeException(text: string, ids: ErrorIds): Error {
  const fields = parseObject(text);
  // A worker of the original, or one that is broken, may send plain text.
  if (fields === undefined) {
    return pythonException({ ...ids, type: 'Exception', module: '', message: text, traceback: '' });
  }
  return pythonException({ ...ids, ...exceptionFields(fields) });
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

function refuseNonObject(value: unknown, tool: string | undefined, path: string): void {
  const what = nameOfNonObject(value);
  if (what === undefined) return;
  const advice = 'arguments have names: pass an object such as { a: 2, b: 3 }.';
  throw invalid(tool, path, `is ${what}, not an object`, advice);
}

/** What a value is that has no arguments by name; a call without arguments is not what its caller meant. */
function nameOfNonObject(value: unknown): string | undefined {
  if (typeof value !== 'object') return `a ${typeof value}`;
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (types.isMap(value)) return 'a Map';
  if (types.isSet(value)) return 'a Set';
  if (types.isPromise(value)) return 'a Promise (await it first)';
  return isBinary(value) ? 'binary data' : undefined;
}

/** Half a surrogate pair: what is no valid text. */
const halfPair = /[\ud800-\udfff]/u;

// A name that is no valid text would be another one behind the wire, and all arguments together may be one object there.
function isNoName(name: string): boolean {
  return name === '' || name === '__proto__' || name === markerKey || halfPair.test(name);
}

function refuseName(name: string, tool: string | undefined): void {
  const path = `args[${JSON.stringify(name)}]`;
  const advice = "name the argument as the tool's parameter is named.";
  throw invalid(tool, path, 'is no name of an argument', advice);
}

function invalid(tool: string | undefined, path: string, problem: string, advice: string): Error {
  return bridgeError('INVALID_ARGUMENT', { tool, path, problem, advice });
}
