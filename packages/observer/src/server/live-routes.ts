import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { IncidentShelf } from '../incident/incident-shelf.ts';
import type { LiveLine, WatchAnswer } from '../protocol.ts';
import { LiveStream, type ResumePoint } from './live-stream.ts';
import { MessageWatch, mostWatched } from './message-watch.ts';
import type { ObservedSystem } from './observed-system.ts';
import { Refusal } from './refusal.ts';
import { bodyOf, numberOf, pidsOf, textOf } from './request-values.ts';
import type { Route, RouteRequest } from './route.ts';
import { sendJson } from './send-json.ts';

/** The stream of the tree, and what is watched besides. */
export function liveRoutes(observed: ObservedSystem, shelf: IncidentShelf): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/live',
      open: false,
      handle: (request, response) => stream(observed, shelf, request, response),
    },
    {
      method: 'POST',
      path: '/api/watch',
      open: false,
      handle: async ({ json }, response) => {
        sendJson(response, watch(observed, await bodyOf(json)));
      },
    },
  ];
}

async function stream(
  { system, feed, shower, viewers, hello }: ObservedSystem,
  shelf: IncidentShelf,
  { query, incoming }: RouteRequest,
  response: ServerResponse,
): Promise<void> {
  const id = textOf(query.get('viewer'), 'viewer') ?? randomBytes(9).toString('base64url');
  const from = resumePoint(query);
  viewers.checkRoom(id);
  response.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8' });
  if (incoming.method === 'HEAD') {
    response.end();
    return;
  }
  const watch = new MessageWatch(system, shower);
  const takeLines = (seq: number): readonly LiveLine[] => {
    // The first to ask tells all.
    for (const { id: incident, t, title } of shelf.fresh()) {
      viewers.tell({ k: 'inc', id: incident, t, title });
    }
    const lines = [...viewer.waiting, ...watch.take(seq)];
    viewer.waiting = [];
    return lines;
  };
  const live = new LiveStream({ feed, response, hello, takeLines });
  const viewer = { stream: live, watch, waiting: [] as LiveLine[] };
  await viewers.admit(id, viewer, () => live.run(from));
}

function resumePoint(query: URLSearchParams): ResumePoint | undefined {
  const seq = numberOf(query.get('since'), 'since');
  const epoch = textOf(query.get('epoch'), 'epoch');
  return seq === undefined || epoch === undefined ? undefined : { seq, epoch };
}

function watch(
  { system, viewers }: ObservedSystem,
  body: Readonly<Record<string, unknown>>,
): WatchAnswer {
  const { pids = [], tree } = body;
  const viewer = viewers.get(textOf(body['viewer'], 'viewer') ?? '');
  if (viewer === undefined) throw new Refusal(404, 'there is no stream of this viewer.');
  if (!Array.isArray(pids) || pids.length > mostWatched) {
    throw new Refusal(400, `pids must be a list of at most ${String(mostWatched)}.`);
  }
  const wanted = new Set(pids.map((pid) => numberOf(pid, 'each of pids') ?? 0));
  const root = numberOf(tree, 'tree');
  if (root !== undefined) addTree(system, wanted, root);
  const found = pidsOf(system, wanted);
  viewer.watch.watch(found);
  return { watching: found.map(({ id }) => id) };
}

/** Adds a process and all below it, as far as there is room. Parents come before what they spawned. */
function addTree(system: ObservedSystem['system'], wanted: Set<number>, root: number): void {
  const below = new Set([root]);
  for (const { pid, parent } of system.processes()) {
    if (wanted.size >= mostWatched) return;
    if (pid.id !== root && !below.has(parent.id)) continue;
    below.add(pid.id);
    wanted.add(pid.id);
  }
}
