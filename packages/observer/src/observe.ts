import { randomBytes } from 'node:crypto';
import nodeProcess from 'node:process';
import type { ActorSystem } from '@snakepit/core';
import { observerEvents, observerLifeEvents } from './act/acted-event.ts';
import { actRoutes } from './act/act-routes.ts';
import { watchAnomalies } from './anomaly/anomaly-watch.ts';
import { announceObserver } from './discovery/observer-file.ts';
import { observerError } from './errors.ts';
import { healthRoutes } from './health/health-routes.ts';
import { toJson } from './incident/incident-file.ts';
import { incidentPage } from './incident/incident-page.ts';
import { defaultTitle, incidentRoutes } from './incident/incident-routes.ts';
import { incidentShell } from './incident/incident-shell.ts';
import { IncidentShelf } from './incident/incident-shelf.ts';
import { writePrivately } from './incident/read-incident.ts';
import { metricsRoutes } from './metrics/metrics-routes.ts';
import { planOf, type ObserveOptions, type ObservePlan } from './observe-options.ts';
import { protocolVersion, type ByeLine, type IncidentSummary } from './protocol.ts';
import { actorRoutes } from './server/actor-routes.ts';
import { ChartBook } from './server/chart-book.ts';
import { createGuard, isLoopback } from './server/guard.ts';
import { listen, type HttpServer } from './server/http-server.ts';
import { inspectSocket, type InspectSocket } from './server/inspect-socket.ts';
import { liveRoutes } from './server/live-routes.ts';
import type { ObservedSystem } from './server/observed-system.ts';
import { pageRoutes } from './server/page-files.ts';
import { panelRoutes } from './server/panel-routes.ts';
import { createRouteTable } from './server/route-table.ts';
import { turnsRoutes } from './server/turns-routes.ts';
import { Viewers } from './server/viewers.ts';
import { xstateVersion } from './server/xstate-version.ts';
import { createShower } from './shown/show.ts';
import { TreeFeed } from './tree/tree-feed.ts';

/** Somebody may look at a system, as long as this is open. */
export interface Observer {
  /** Opens the page. Holds the token, after `#`, where it is sent to no server: give it to nobody else. */
  readonly url: string;
  /** The port that it listens on. */
  readonly port: number;
  /**
   * Keeps what happened in the last 30 s, and writes it into a file that only its owner may read.
   *
   * @param file - Where to; JSON when the name ends so, else a page.
   * @param title - What happened, as a sentence.
   * @throws What Node says when it cannot be written; the incident is kept all the same.
   */
  readonly saveIncident: (file: string, title?: string) => Promise<IncidentSummary>;
  /** Ends all streams and gives the port back; resolves when that is done. Asked again, it is the same end. */
  readonly close: () => Promise<void>;
}

/** How long viewers may take to hear the end, in milliseconds. */
const farewellMs = 500;

/**
 * Lets somebody look at a system: a page, served to this machine only, of its processes, their charts, what happened
 * and why. While nobody looks, it records the lives of processes, and does nothing else. It ends with the system, and
 * keeps no program from ending.
 *
 * @throws {@link SnakepitError} INVALID_ARGUMENT for an option that cannot be used; OBSERVER_CANNOT_LISTEN when the port
 *   or the address cannot be had.
 */
export async function observe(
  system: ActorSystem,
  options: ObserveOptions = {},
): Promise<Observer> {
  const plan = planOf(options);
  const observed = observedSystem(system, plan);
  const shelf = new IncidentShelf(observed);
  const metrics = metricsRoutes(system, plan.metrics);
  const routes = createRouteTable([
    ...pageRoutes(),
    ...liveRoutes(observed, shelf),
    ...actorRoutes(observed),
    ...panelRoutes(observed),
    ...turnsRoutes(observed),
    ...incidentRoutes(shelf),
    ...actRoutes(observed),
    ...metrics.routes,
    ...healthRoutes(system),
  ]);
  const guard = createGuard(plan.token, plan.names);
  const inspection = plan.inspect && inspectSocket(observed, guard, plan.inspect);
  const parts = { guard, routes, upgrade: inspection?.upgrade, logger: system.logger };
  const opening = openServer(parts, plan, inspection);
  const stopRecording = record(system, plan);
  const anomalies = plan.anomalies ? watchAnomalies(system) : undefined;
  let forget: () => void = () => undefined;
  const end = ending(observed, opening, () => {
    metrics.close();
    void observed.charts.close();
    anomalies?.stop();
    stopRecording();
    forget();
  });
  try {
    const { port } = await opening;
    if (!isLoopback(plan.host)) warnOfOthers(system, plan.host, port);
    const url = `http://${urlHost(plan.host)}:${String(port)}/#token=${plan.token}`;
    forget = announce(system, url);
    return {
      url,
      port,
      saveIncident: (file, title = defaultTitle) => save(shelf, file, title),
      close: () => end('closed'),
    };
  } catch (cause) {
    await end('closed');
    throw observerError('OBSERVER_CANNOT_LISTEN', { host: plan.host, port: plan.port }, { cause });
  }
}

/** Listens. A server closes when its last connection has ended; those of inspectors it does not end by itself. */
async function openServer(
  parts: Parameters<typeof listen>[0],
  { host, port }: ObservePlan,
  inspection: InspectSocket | undefined,
): Promise<HttpServer> {
  const server = await listen(parts, host, port);
  return {
    ...server,
    close: () => {
      inspection?.close();
      return server.close();
    },
  };
}

function observedSystem(system: ActorSystem, plan: ObservePlan): ObservedSystem {
  const charts = new ChartBook();
  const shower = createShower(plan.context, plan.redact);
  const fixed = {
    k: 'hello',
    v: protocolVersion,
    epoch: randomBytes(9).toString('base64url'),
    system: system.name,
    startedAt: Date.now(),
    pid: nodeProcess.pid,
    node: nodeProcess.version,
    xstate: xstateVersion(),
    hz: plan.hz,
    can: { act: plan.actions, context: plan.context },
  } as const;
  return {
    system,
    plan,
    charts,
    feed: new TreeFeed(system, plan.hz, charts.hashOf, shower.show),
    shower,
    viewers: new Viewers(),
    hello: () => ({ ...fixed, now: system.clock.now(), wall: Date.now() }),
  };
}

/** Lets the commands of this user find it; returns what ends that. */
function announce({ name, logger }: ActorSystem, url: string): () => void {
  try {
    return announceObserver({ system: name, pid: nodeProcess.pid, url });
  } catch (error) {
    logger.debug('`snakepit status` will not find this observer by itself', { error });
    return () => undefined;
  }
}

/** Records what happens also while nobody looks; returns what ends that. */
function record({ records, telemetry }: ActorSystem, { record: what }: ObservePlan): () => void {
  telemetry.describe(observerEvents);
  if (what === 'nothing') return () => undefined;
  const ends = [records.recordLife(), records.addLifeEvents(observerLifeEvents)];
  if (what === 'messages') ends.push(records.recordMessages());
  return () => {
    for (const stop of ends) stop();
  };
}

/** Makes the end of an observer; it is also that of the system. */
function ending(
  { system, feed, viewers }: ObservedSystem,
  opening: Promise<HttpServer>,
  released: () => void,
): (why: ByeLine['why']) => Promise<void> {
  let ended: Promise<void> | undefined;
  const end = (why: ByeLine['why']): Promise<void> => {
    ended ??= (async () => {
      takeBack();
      // One that could not listen has nobody to say goodbye to.
      const server = await opening.catch(() => undefined);
      if (feed.isFollowed) feed.look();
      await within(farewellMs, viewers.end(why));
      await server?.close();
      released();
    })();
    return ended;
  };
  const takeBack = system.onStopped(() => end('stopped'));
  return end;
}

async function within(limitMs: number, done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([done, late]);
  clearTimeout(timer);
}

async function save(shelf: IncidentShelf, file: string, title: string): Promise<IncidentSummary> {
  const summary = shelf.keep(title);
  const content = await shelf.content(summary.id);
  if (content !== undefined) {
    const isJson = file.endsWith('.json');
    const text = isJson ? toJson(content) : await incidentPage(content, await incidentShell());
    await writePrivately(file, text);
  }
  return summary;
}

function warnOfOthers(system: ActorSystem, host: string, port: number): void {
  system.logger.warn('the observer can be reached from other machines, without encryption', {
    host,
    port,
  });
}

/** The host by which the page is opened; what stands for all addresses is none. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
