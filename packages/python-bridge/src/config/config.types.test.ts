import type { PoolConfig, SharedPoolConfig, SnakepitConfig } from './config.ts';
import type { Given } from './fields.ts';
import type { poolSchema, runtimeSchema, sharedSchema, suppliedSchema } from './schema.ts';

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
type Top = typeof runtimeSchema & typeof suppliedSchema & typeof sharedSchema;

/** The dotted names of all keys: where all keys are optional, a type with one more is assignable all the same. */
type KeysOf<T> = T extends readonly unknown[] | ((...args: never) => unknown)
  ? never
  : T extends object
    ? { [K in keyof T & string]: K | `${K}.${KeysOf<NonNullable<T[K]>>}` }[keyof T & string]
    : never;

/** What users may write and what is checked are the same keys with the same values, in every group. */
export const schemaAgrees: readonly true[] = [
  true satisfies Same<SharedPoolConfig, Given<typeof sharedSchema>>,
  true satisfies Same<PoolConfig['name'], NonNullable<Given<typeof poolSchema>['name']>>,
  true satisfies Same<Omit<SnakepitConfig, 'pools'>, Given<Top>>,
  true satisfies Same<KeysOf<Required<PoolConfig>>, KeysOf<Required<Given<typeof poolSchema>>>>,
  true satisfies Same<
    KeysOf<Required<Omit<SnakepitConfig, 'pools'>>>,
    KeysOf<Required<Given<Top>>>
  >,
];

/** A pool needs its name; durations are numbers. */
export const refused: readonly PoolConfig[] = [
  // @ts-expect-error -- a pool without a name
  { adapter: 'a.B' },
  // @ts-expect-error -- durations are milliseconds, not texts
  { name: 'a', queueTimeout: '5s' },
];
