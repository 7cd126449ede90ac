import { isSnakepitError as isAnySnakepitError } from '@snakepit/core';
import type { CoreErrorCode, SnakepitError } from '@snakepit/core';
import type { SupervisorErrorCode } from '@snakepit/supervisor';
import type { BridgeErrorCode, BridgeErrorDetails } from './errors.ts';

/** Every code that there is; programs decide by them, and the compiler knows when one is forgotten. */
export type SnakepitErrorCode = BridgeErrorCode | CoreErrorCode | SupervisorErrorCode;

/** An error with one of some codes; its `details` have the type of its code, where only this package has that. */
export type KnownError<C extends SnakepitErrorCode = SnakepitErrorCode> = {
  [K in C]: K extends Exclude<BridgeErrorCode, CoreErrorCode | SupervisorErrorCode>
    ? SnakepitError<K, BridgeErrorDetails<K>>
    : SnakepitError<K>;
}[C];

/** Whether a value is an error of Snakepit, also of another copy of it. */
export function isSnakepitError(value: unknown): value is KnownError;
/**
 * Whether a value is an error of Snakepit with this code.
 *
 * @example
 * ```ts
 * if (isSnakepitError(error, 'PYTHON_EXCEPTION') && error.details.type === 'ValueError') return undefined;
 * ```
 */
export function isSnakepitError<C extends SnakepitErrorCode>(
  value: unknown,
  code: C,
): value is KnownError<C>;
/** Whether a value is an error of Snakepit, of any code or of one. */
export function isSnakepitError(value: unknown, code?: SnakepitErrorCode): boolean {
  return code === undefined ? isAnySnakepitError(value) : isAnySnakepitError(value, code);
}
