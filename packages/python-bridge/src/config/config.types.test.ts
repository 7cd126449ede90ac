import type {
  BackoffConfig,
  HeartbeatConfig,
  PoolConfig,
  RestartConfig,
  SnakepitConfig,
} from './config.ts';
import type { poolSchema, runtimeSchema } from './schema.ts';

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
type Pool = typeof poolSchema;

/** What users may write and what is checked are the same keys, in every group. */
export const keysAgree: readonly true[] = [
  true satisfies Same<keyof PoolConfig, keyof Pool>,
  true satisfies Same<keyof HeartbeatConfig, keyof Pool['heartbeat']['fields']>,
  true satisfies Same<keyof RestartConfig, keyof Pool['restart']['fields']>,
  true satisfies Same<keyof BackoffConfig, keyof Pool['restart']['fields']['backoff']['fields']>,
  true satisfies Same<
    Exclude<keyof SnakepitConfig, keyof PoolConfig>,
    keyof typeof runtimeSchema | 'pools' | 'logger' | 'telemetry'
  >,
];

/** A pool needs its name; durations are numbers. */
export const refused: readonly PoolConfig[] = [
  // @ts-expect-error -- a pool without a name
  { adapter: 'a.B' },
  // @ts-expect-error -- durations are milliseconds, not texts
  { name: 'a', queueTimeout: '5s' },
];
