import type { ActorSystem } from '@snakepit/core';
import type { Route } from '../server/route.ts';
import {
  createHealthAnswerers,
  type HealthAnswerer,
  type HealthOptions,
} from './health-handler.ts';

/**
 * The probes and pages of health, for the observer's server: the probes need no token and tell no reasons, the pages need
 * it; with `details` neither is so.
 */
export function healthRoutes(system: ActorSystem, options: HealthOptions = {}): readonly Route[] {
  const { details = false } = options;
  const { open, detailed } = createHealthAnswerers(system, options);
  const routesOf = (answerers: ReadonlyMap<string, HealthAnswerer>, isOpen: boolean): Route[] =>
    Array.from(answerers, ([path, answer]) => ({
      method: 'GET',
      path,
      open: isOpen,
      handle: ({ query }, response) => {
        answer(query, response);
      },
    }));
  return [...routesOf(open, true), ...routesOf(detailed, details)];
}
