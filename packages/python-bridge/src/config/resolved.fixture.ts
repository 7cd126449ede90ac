import { expect } from '@jest/globals';
import { isSnakepitError } from '@snakepit/core';
import type { ResolvedConfig, ResolvedPool } from './config.ts';
import { resolveConfig } from './resolve-config.ts';

/** The least that a pool is. */
export const pool = { name: 'default', adapter: 'my_app.adapter.MyAdapter' };

/** A configuration resolved in `/srv/app`, with no other variables than these. */
export function resolved(config: unknown, env: Record<string, string> = {}): ResolvedConfig {
  return resolveConfig(config, { env, cwd: '/srv/app' });
}

/** The first pool of a configuration. */
export function onlyPool(config: unknown, env: Record<string, string> = {}): ResolvedPool {
  const [first] = resolved(config, env).pools;
  if (first === undefined) throw new Error('no pool');
  return first;
}

/** What is said of a configuration that is refused. */
export function complaint(config: unknown, env: Record<string, string> = {}): string {
  try {
    resolved(config, env);
  } catch (error) {
    if (!isSnakepitError(error)) throw error;
    expect(error.code).toBe('INVALID_CONFIG');
    return error.message;
  }
  throw new Error('the configuration was accepted');
}
