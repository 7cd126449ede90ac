import { createSystem, type ActorSystem } from '@snakepit/core';
import type { ResolvedConfig } from './config/config.ts';

/** Name of the system of a Snakepit, and of its root supervisor. */
export const rootName = 'snakepit';

/** Makes the actor system of one Snakepit. */
export function createRunSystem({ logger, telemetry: { bus } }: ResolvedConfig): ActorSystem {
  return createSystem({
    name: rootName,
    ...(logger === undefined ? {} : { logger }),
    ...(bus === undefined ? {} : { telemetry: bus }),
  });
}
