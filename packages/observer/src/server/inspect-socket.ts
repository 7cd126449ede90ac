import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Pid, ProcessInfo, WatchedRecord } from '@snakepit/core';
import { WebSocketServer, type WebSocket } from 'ws';
import { isObject } from '@snakepit/core';
import { isStateMachine } from '../export/export-machine.ts';
import { machineConfig } from '../export/machine-json.ts';
import { shortText } from '../tree/short-text.ts';
import type { Guard } from './guard.ts';
import type { ObservedSystem } from './observed-system.ts';
import { Refusal } from './refusal.ts';

/** Version of the format: that of the package `@statelyai/inspect` that it was read from. */
const formatVersion = '0.7.0';
/** Inspectors at the same time. */
const mostInspectors = 4;
/** More than this not yet taken by an inspector, in bytes, and it gets no events until it has. */
const highWater = 1024 * 1024;
/** Records a second that one inspector is told of; each costs the process that is inspected some ten microseconds. */
const recordsPerSecond = 800;
/** Processes that an inspector is told of. */
const mostActors = 2_000;
/** How often it is looked for processes that came or went, in milliseconds. */
const lookEveryMs = 250;

/** Inspectors of XState that look at this system over WebSockets. */
export interface InspectSocket {
  /** Takes a connection, or refuses it. */
  readonly upgrade: (incoming: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Ends all of them. */
  readonly close: () => void;
}

/**
 * Speaks the protocol of Stately's inspector: one JSON a frame, only to the inspector.
 *
 * @param observed - What is inspected.
 * @param guard - Who may.
 * @param origins - Pages that may, besides our own.
 */
export function inspectSocket(
  observed: ObservedSystem,
  guard: Guard,
  origins: readonly string[],
): InspectSocket {
  // What an inspector says is not listened to, so it may say little.
  const server = new WebSocketServer({ noServer: true, maxPayload: 1_024 });
  const isFull = (): boolean => server.clients.size >= mostInspectors;
  return {
    upgrade: (incoming, socket, head) => {
      socket.on('error', () => undefined);
      const refused = refusalOf(incoming, guard, origins) ?? (isFull() ? 503 : undefined);
      if (refused !== undefined) {
        socket.end(`HTTP/1.1 ${String(refused)} Refused\r\nconnection: close\r\n\r\n`);
        return;
      }
      server.handleUpgrade(incoming, socket, head, (client) => {
        const inspector = new Inspector(observed, client);
        client.on('close', () => {
          inspector.stop();
        });
        // The end follows.
        client.on('error', () => undefined);
        inspector.start();
      });
    },
    close: () => {
      for (const client of server.clients) client.terminate();
      server.close();
    },
  };
}

/** The status that a connection is refused with. A page cannot set headers of a WebSocket: the token is in the query. */
function refusalOf(
  incoming: IncomingMessage,
  guard: Guard,
  origins: readonly string[],
): number | undefined {
  try {
    guard.admit(incoming, origins);
    const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://observer.invalid');
    guard.authorise(incoming, searchParams.get('token') ?? undefined);
    return pathname === '/inspect' ? undefined : 404;
  } catch (error) {
    return error instanceof Refusal ? error.status : 400;
  }
}

class Inspector {
  readonly #observed: ObservedSystem;
  readonly #client: WebSocket;
  readonly #rootId: string;
  readonly #known = new Map<number, Pid>();
  /** Whose last records were left out, and how many: there were too many, or the inspector was too slow. */
  readonly #behind = new Map<number, number>();
  #timer: NodeJS.Timeout | undefined;
  #unwatch: () => void = () => undefined;

  constructor(observed: ObservedSystem, client: WebSocket) {
    this.#observed = observed;
    this.#client = client;
    this.#rootId = observed.hello().epoch;
  }

  start(): void {
    this.#look();
    this.#timer = setInterval(() => {
      this.#look();
    }, lookEveryMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#unwatch();
  }

  /** Who came, who went, and who was left out while the inspector was slow. */
  #look(): void {
    const { system } = this.#observed;
    const alive = new Set<number>();
    let isNew = false;
    for (const process of system.processes()) {
      alive.add(process.pid.id);
      if (this.#known.has(process.pid.id) || this.#known.size >= mostActors) continue;
      this.#introduce(process);
      isNew = true;
    }
    if (isNew) this.#watch();
    for (const id of [...this.#known.keys()].filter((known) => !alive.has(known))) {
      this.#known.delete(id);
      this.#behind.delete(id);
      this.#tell('@xstate.snapshot', id, {
        event: { type: 'xstate.stop' },
        snapshot: { status: 'stopped' },
      });
    }
    if (this.#client.bufferedAmount < highWater) this.#catchUp();
  }

  /** Watches all that it was told of: one watch, whoever comes and goes. */
  #watch(): void {
    this.#unwatch();
    const living = [...this.#known.values()];
    const { records } = this.#observed.system;
    const take = (record: WatchedRecord): void => {
      this.#record(record);
    };
    const missed = (pid: number): void => {
      this.#leaveOut(pid);
    };
    this.#unwatch = records.watch(living, take, { perSecond: recordsPerSecond, missed });
  }

  #introduce(process: ProcessInfo): void {
    const { pid, parent, label } = process;
    this.#known.set(pid.id, pid);
    const machine = isObject(process.state) ? process.state['machine'] : undefined;
    this.#tell('@xstate.actor', pid.id, {
      name: process.name ?? label,
      parentId: parent.id === 0 ? undefined : sessionOf(parent.id),
      definition: isStateMachine(machine) ? JSON.stringify(machineConfig(machine)) : undefined,
      snapshot: this.#snapshotOf(process.state, process.stateValue),
    });
  }

  #record(record: WatchedRecord): void {
    if (this.#client.bufferedAmount >= highWater) {
      this.#leaveOut(record.pid);
      return;
    }
    const { shower } = this.#observed;
    const shown = shower.showData(record.message);
    const body = isObject(shown) && !Array.isArray(shown) ? shown : {};
    const event = { ...body, type: shortText(record.event) };
    const sourceId = record.from === undefined ? undefined : sessionOf(record.from);
    this.#tell('@xstate.event', record.pid, { event, sourceId });
    this.#tell('@xstate.snapshot', record.pid, {
      event,
      snapshot: this.#snapshotOf(record.state, record.stateValue),
    });
  }

  #leaveOut(pid: number): void {
    this.#behind.set(pid, (this.#behind.get(pid) ?? 0) + 1);
  }

  /** Where they are now of whom something was left out, and how much that was. */
  #catchUp(): void {
    for (const [id, count] of this.#behind) {
      const pid = this.#known.get(id);
      const process = pid === undefined ? undefined : this.#observed.system.processInfo(pid);
      if (process === undefined) continue;
      this.#tell('@xstate.snapshot', id, {
        event: { type: 'snakepit.skipped', count },
        snapshot: this.#snapshotOf(process.state, process.stateValue),
      });
    }
    this.#behind.clear();
  }

  #snapshotOf(state: unknown, value: unknown): Readonly<Record<string, unknown>> {
    const { shower } = this.#observed;
    const isChart = isObject(state) && isStateMachine(state['machine']);
    return {
      status: isChart && typeof state['status'] === 'string' ? state['status'] : 'active',
      // The names of states are no data.
      ...(isChart ? { value: shower.show(value) } : {}),
      context: shower.showData(isChart ? state['context'] : state),
    };
  }

  #tell(type: string, pid: number, rest: Readonly<Record<string, unknown>>): void {
    if (this.#client.readyState !== this.#client.OPEN) return;
    const message = {
      ...{ type, ...rest, sessionId: sessionOf(pid), rootId: this.#rootId },
      ...{ createdAt: String(Date.now()), id: randomBytes(9).toString('base64url') },
      _version: formatVersion,
    };
    this.#client.send(JSON.stringify(message));
  }
}

/** A pid is never used twice: whoever is restarted is another actor. */
function sessionOf(pid: number): string {
  return `x:${String(pid)}`;
}
