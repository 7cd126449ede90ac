import { randomBytes } from 'node:crypto';
import { silentLogger } from '@snakepit/core';
import { createGuard } from '../server/guard.ts';
import { listen } from '../server/http-server.ts';
import { createRouteTable } from '../server/route-table.ts';
import type { Route } from '../server/route.ts';
import type { IncidentContent } from './incident-file.ts';
import { incidentPage } from './incident-page.ts';
import { incidentShell } from './incident-shell.ts';

/** An incident that a browser of this machine can open. */
export interface ServedIncident {
  /** Where: the last part is the key, and who does not have it gets nothing. */
  readonly url: string;
  /** Serves it no more; resolves when that is done. */
  readonly close: () => Promise<void>;
}

/**
 * Serves the page of a saved incident on this machine, on a port that is free. As the page that an observer saves it asks
 * nobody for anything. It keeps no program running.
 *
 * @param content - What was saved; see {@link readIncident}.
 */
export async function serveIncident(content: IncidentContent): Promise<ServedIncident> {
  const html = Buffer.from(await incidentPage(content, await incidentShell()));
  const key = randomBytes(24).toString('base64url');
  const guard = createGuard(key, []);
  const page: Route = {
    method: 'GET',
    path: '/:key',
    open: true,
    handle: ({ incoming, parts }, response) => {
      guard.authorise(incoming, parts['key']);
      // What it may load it says itself, by hashes, which only it knows.
      response.setHeader('content-security-policy', "frame-ancestors 'none'");
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.setHeader('content-length', html.length);
      response.end(incoming.method === 'HEAD' ? undefined : html);
    },
  };
  const routes = createRouteTable([page]);
  const { port, close } = await listen({ guard, routes, logger: silentLogger }, '127.0.0.1', 0);
  return { url: `http://127.0.0.1:${String(port)}/${key}`, close };
}
