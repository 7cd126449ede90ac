import type { ActorSystem } from '@snakepit/core';
import type { Route } from '../server/route.ts';
import {
  createMetricsRegistry,
  type MetricsOptions,
  type MetricsRegistry,
} from './metrics-registry.ts';

/** How metrics are served. */
export interface MetricsRouteOptions extends MetricsOptions {
  /** Whether Prometheus needs no token; default false. */
  readonly open?: boolean;
}

/** `/metrics`, and what ends the measuring. */
export interface MetricsRoutes {
  /** To be mounted in the observer's server. */
  readonly routes: readonly Route[];
  /** Ends the measuring. */
  readonly close: () => void;
}

/** Serves the metrics of a system to Prometheus. Nothing is measured before it is asked for the first time. */
export function metricsRoutes(
  system: ActorSystem,
  { open = false, ...options }: MetricsRouteOptions = {},
): MetricsRoutes {
  let made: MetricsRegistry | undefined;
  let isClosed = false;
  const route: Route = {
    method: 'GET',
    path: '/metrics',
    open,
    handle: async (_, response) => {
      if (isClosed) {
        response.writeHead(503).end();
        return;
      }
      made ??= createMetricsRegistry(system, options);
      const { registry } = made;
      const text = await registry.metrics();
      response.setHeader('content-type', registry.contentType);
      response.end(text);
    },
  };
  return {
    routes: [route],
    close: () => {
      isClosed = true;
      made?.close();
      made = undefined;
    },
  };
}
