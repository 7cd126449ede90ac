/** What came in place of an object of Python that cannot be sent, when the pool says `unserializable: 'marker'`. */
export interface Unserializable {
  /** That it is one. */
  readonly __ffi_unserializable__: true;
  /** Its class, such as `my_app.Model`. */
  readonly __type__: string;
  /** Something of its `repr()`, where the environment of the worker allows that. */
  readonly __repr__?: string;
}

/**
 * Whether a value stands for an object of Python that could not be sent.
 *
 * @param value - Any part of what a tool returned.
 */
export function isUnserializable(value: unknown): value is Unserializable {
  return (
    typeof value === 'object' &&
    value !== null &&
    '__ffi_unserializable__' in value &&
    value.__ffi_unserializable__ === true &&
    '__type__' in value &&
    typeof value.__type__ === 'string'
  );
}
