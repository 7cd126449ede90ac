import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from '@snakepit/core';
import { protectiveHeaders, type Guard } from './guard.ts';
import { Refusal } from './refusal.ts';
import { readJson } from './request-body.ts';
import type { RouteRequest } from './route.ts';
import type { FoundRoute, RouteTable } from './route-table.ts';

/** What a server is made of. */
export interface HttpServerParts {
  /** Who may ask. */
  readonly guard: Guard;
  /** What is answered. */
  readonly routes: RouteTable;
  /** Takes connections that shall not speak HTTP any more; `undefined` when there are none. */
  readonly upgrade?:
    ((incoming: IncomingMessage, socket: Duplex, head: Buffer) => void) | undefined;
  /** Told of routes that fail. */
  readonly logger: Logger;
}

/** A listening server. */
export interface HttpServer {
  /** The port that it has. */
  readonly port: number;
  /** Ends all connections and gives the port back; resolves when that is done. */
  readonly close: () => Promise<void>;
}

/** How long the head of a request, and a whole one, may take, in milliseconds. */
const headTimeoutMs = 5_000;
const requestTimeoutMs = 10_000;
/** The longest head of a request, in bytes. */
const longestHead = 8 * 1024;
/** More connections than viewers and their requests ever need. */
const mostConnections = 128;

/**
 * Listens.
 *
 * @param parts - What it is made of.
 * @param host - Address to listen on.
 * @param port - Port; 0 for any that is free.
 * @throws What Node says when the port cannot be had.
 */
export async function listen(
  parts: HttpServerParts,
  host: string,
  port: number,
): Promise<HttpServer> {
  const server = createServer(
    {
      headersTimeout: headTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: longestHead,
    },
    (incoming, response) => {
      void answer(parts, incoming, response);
    },
  );
  server.maxConnections = mostConnections;
  // Garbage ends the connection that it came on. Node has answered, or there is nobody to answer.
  server.on('clientError', (_error, socket) => socket.destroy());
  // Who looks keeps nobody alive.
  server.on('connection', (socket) => socket.unref());
  if (parts.upgrade !== undefined) server.on('upgrade', parts.upgrade);
  await opened(server, host, port);
  server.unref();
  // A TCP server's address is never a text.
  const { port: given } = server.address() as AddressInfo;
  return {
    port: given,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function opened(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function answer(
  { guard, routes, logger }: HttpServerParts,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Later it may not know it any more.
  const { socket } = incoming;
  // Who is gone is told nothing more; without a listener the error would end the host.
  response.on('error', () => undefined);
  incoming.on('error', () => undefined);
  for (const [name, value] of Object.entries(protectiveHeaders)) response.setHeader(name, value);
  try {
    guard.admit(incoming);
    const url = urlOf(incoming);
    const { route, parts } = findRoute(routes, incoming, url, response);
    if (!route.open) guard.authorise(incoming);
    await route.handle(requestOf(incoming, url, parts), response);
  } catch (error) {
    // Who went away in the middle of a request is not owed an answer, and nothing is wrong.
    if (socket.destroyed && !incoming.complete) return;
    refuse(response, error, (fault) => {
      logger.warn('the observer could not answer a request', { url: incoming.url, error: fault });
    });
  }
}

function urlOf({ url = '/' }: IncomingMessage): URL {
  try {
    return new URL(url, 'http://observer.invalid');
  } catch {
    throw new Refusal(400, 'this is no address.');
  }
}

function findRoute(
  routes: RouteTable,
  incoming: IncomingMessage,
  url: URL,
  response: ServerResponse,
): FoundRoute {
  const found = routes.find(incoming.method ?? 'GET', url.pathname);
  if (found === undefined) throw new Refusal(404, 'there is nothing here.');
  if ('route' in found) return found;
  response.setHeader('allow', found.methods.join(', '));
  throw new Refusal(405, `this answers only ${found.methods.join(' and ')}.`);
}

function requestOf(
  incoming: IncomingMessage,
  url: URL,
  parts: Readonly<Record<string, string>>,
): RouteRequest {
  let body: Promise<unknown> | undefined;
  return {
    incoming,
    parts,
    query: url.searchParams,
    remote: incoming.socket.remoteAddress ?? 'unknown',
    json: () => (body ??= readJson(incoming)),
  };
}

function refuse(response: ServerResponse, error: unknown, report: (fault: unknown) => void): void {
  const isRefusal = error instanceof Refusal;
  if (!isRefusal) report(error);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // What is left of a body is not read: the connection ends with the answer.
  response.setHeader('connection', 'close');
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.statusCode = isRefusal ? error.status : 500;
  const why = isRefusal ? error.message : 'the observer failed; its log says how.';
  response.end(JSON.stringify({ error: why }));
}
