/**
 * The part of JSON Schema in which Python tools describe their types.
 *
 * `x-python` names the type where JSON Schema has no word for it, such as `bytes`, `decimal.Decimal` or a class of the
 * adapter's own. What such a schema says besides is a help for readers.
 */
export interface JsonSchema {
  /** Kind of value; absent for anything. */
  readonly type?: 'null' | 'boolean' | 'integer' | 'number' | 'string' | 'array' | 'object';
  /** Name of the Python class that it describes. */
  readonly title?: string;
  /** What it means. */
  readonly description?: string;
  /** What Python takes when nothing is given. */
  readonly default?: unknown;
  /** All that it may be. */
  readonly enum?: readonly unknown[];
  /** Any of these. */
  readonly anyOf?: readonly JsonSchema[];
  /** Each entry of an array. */
  readonly items?: JsonSchema;
  /** The entries of an array of fixed length. */
  readonly prefixItems?: readonly JsonSchema[];
  /** The properties of an object. */
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  /** Names of those that must be there. */
  readonly required?: readonly string[];
  /** Further properties: none, any, or of this kind. */
  readonly additionalProperties?: boolean | JsonSchema;
  /** The keys of a Python dictionary that are not text. */
  readonly propertyNames?: JsonSchema;
  /** Form of a text, such as `date-time`. */
  readonly format?: string;
  /** Fewest entries of an array. */
  readonly minItems?: number;
  /** Most entries of an array. */
  readonly maxItems?: number;
  /** The Python type. */
  readonly 'x-python'?: string;
}

/** Reads a schema that came from elsewhere: an empty one for what is none. */
export function readSchema(text: string | undefined): JsonSchema {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return isSchema(value) ? value : {};
  } catch {
    // Of a worker of another make: nothing is known then.
    return {};
  }
}

/** Whether a value can be taken for a schema; what is inside is looked at when it is used. */
export function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
