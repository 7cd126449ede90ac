/** One thing that is wrong with a configuration. */
export interface ConfigFault {
  /** Path of the key, such as `pools[0].heartbeat.pingInterval`, or the name of the environment variable. */
  readonly where: string;
  /** Where, which value, what is allowed: a whole sentence. */
  readonly message: string;
}

/**
 * A value as a message shows it: JSON where that says it all, cut where it is long.
 *
 * @param value - Anything a user may have put into a configuration.
 */
export function showValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'bigint':
      return `${value}n`;
    case 'function':
      return 'a function';
    case 'symbol':
      return 'a symbol';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? `an array of ${value.length}` : 'an object';
  }
}
