/** Largest message in either direction, as in the original: 100 MB. */
export const maxMessageBytes = 100 * 1024 * 1024;

/** Name of the header that carries a worker's or the bridge server's token. */
export const tokenHeader = 'x-snakepit-token';

/** Name of the header that carries the correlation id; the request's own metadata wins over it. */
export const correlationHeader = 'x-snakepit-correlation-id';

/** `google.protobuf.Any` as it stands in a message. */
export interface WireAny {
  /** Ends in `google.protobuf.StringValue`. */
  readonly type_url?: string;
  /** The text of a JSON value, raw. */
  readonly value?: Uint8Array;
}

/** Seconds and nanoseconds since 1970, as `google.protobuf.Timestamp`. */
export interface WireTimestamp {
  /** Whole seconds. */
  readonly seconds?: number;
  /** The rest in nanoseconds. */
  readonly nanos?: number;
}

/** Request of ExecuteTool and ExecuteElixirTool. */
export interface WireToolRequest {
  /** Session of the worker or of the caller. */
  readonly session_id?: string;
  /** Tool to run. */
  readonly tool_name?: string;
  /** Arguments as JSON. */
  readonly parameters?: Readonly<Record<string, WireAny>>;
  /** correlation_id, timeout_ms and the like. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Arguments as bytes; ExecuteTool only. */
  readonly binary_parameters?: Readonly<Record<string, Uint8Array>>;
}

/** Answer of ExecuteTool and ExecuteElixirTool; a field with its default value is missing. */
export interface WireToolResponse {
  /** Whether the tool returned. */
  readonly success?: boolean;
  /** What it returned. */
  readonly result?: WireAny | null;
  /** What it raised, as JSON. */
  readonly error_message?: string;
  /** Further facts. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** How long it ran. */
  readonly execution_time_ms?: number;
  /** What it returned when that was bytes; ExecuteTool only. */
  readonly binary_result?: Uint8Array;
}

/** A parameter of a tool in a specification or registration. */
export interface WireParameterSpec {
  /** Its name. */
  readonly name?: string;
  /** Its type, such as `integer`. */
  readonly type?: string;
  /** What it means. */
  readonly description?: string;
  /** Whether it must be given. */
  readonly required?: boolean;
  /** Its default. */
  readonly default_value?: WireAny | null;
  /** Further rules, as JSON. */
  readonly validation_json?: string;
}

/** A tool in a registration or a list. */
export interface WireToolSpec {
  /** Its name. */
  readonly name?: string;
  /** What it does. */
  readonly description?: string;
  /** Its parameters. */
  readonly parameters?: readonly WireParameterSpec[];
  /** Further facts. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Whether it can stream. */
  readonly supports_streaming?: boolean;
}
