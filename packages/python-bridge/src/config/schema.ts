import type { Logger } from '@snakepit/core';
import { flag, functions, requiredText, text } from './fields.ts';
import { callSchema } from './schema-calls.ts';
import { remoteSchema } from './schema-remote.ts';
import { supervisionSchema } from './schema-supervision.ts';
import { telemetrySchema } from './schema-telemetry.ts';
import { workerSchema } from './schema-workers.ts';

/** Keys that a pool may have and that the top level may have for all pools. */
export const sharedSchema = {
  ...workerSchema,
  ...callSchema,
  ...supervisionSchema,
} as const;

/** Keys of one pool. */
export const poolSchema = {
  name: requiredText({
    meaning: 'Name of the pool; calls choose it with `{ pool }`.',
    pattern: /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/,
    expected: '1 to 64 letters, digits, "_", "." or "-", beginning with a letter or digit',
  }),
  ...sharedSchema,
  remote: remoteSchema,
} as const;

/** Keys of the top level that are about Snakepit as a whole, beside {@link suppliedSchema} and `pools`. */
export const runtimeSchema = {
  stateDir: text({
    meaning:
      'Directory of the run records, from which a later run finds what this one left behind.',
    shownDefault: '$XDG_STATE_HOME/snakepit or ~/.local/state/snakepit',
    variable: 'SNAKEPIT_STATE_DIR',
  }),
  socketDir: text({
    meaning: 'Directory of the sockets of the workers; a path short enough for a socket.',
    shownDefault: 'a private directory that is removed at the end',
    variable: 'SNAKEPIT_SOCKET_DIR',
  }),
  handleSignals: flag({
    meaning: 'Whether SIGINT and SIGTERM stop Snakepit in order before Node ends.',
    fallback: true,
  }),
  telemetry: telemetrySchema,
} as const;

/** Keys of the top level that only a program can fill. */
export const suppliedSchema = {
  logger: functions<Logger>({
    meaning: 'Where log lines go.',
    names: ['debug', 'info', 'warn', 'error'],
  }),
} as const;
