import type { ExitReason } from './exit-reason.ts';
import { MonitorRef, type DownMessage } from './messages.ts';
import type { Pid } from './pid.ts';
import type { Process } from './process.ts';

/** Whom a process is linked to, whom it watches and who watches it. Sets are made when they are needed. @internal */
export class Bonds {
  readonly #owner: Process;
  #links: Set<Process> | undefined;
  #watchers: Map<MonitorRef, Process> | undefined;
  #watching: Map<MonitorRef, Process> | undefined;

  /** @param owner - Whose bonds. */
  constructor(owner: Process) {
    this.#owner = owner;
  }

  /** Who is linked. */
  get linkedPids(): Pid[] {
    return Array.from(this.#links ?? [], (peer) => peer.pid);
  }

  /** Who watches the owner. */
  get watcherPids(): Pid[] {
    return Array.from(this.#watchers?.values() ?? [], ({ pid }) => pid);
  }

  /** Whom the owner watches. */
  get watchedPids(): Pid[] {
    return Array.from(this.#watching?.values() ?? [], ({ pid }) => pid);
  }

  /** How many monitors watch the owner. */
  get monitorCount(): number {
    return this.#watchers?.size ?? 0;
  }

  /** Links both ways; once is as good as twice, and to itself does nothing (PRC-012). */
  link(peer: Process): void {
    if (peer === this.#owner) return;
    this.#links ??= new Set();
    this.#links.add(peer);
    peer.bonds.#links ??= new Set();
    peer.bonds.#links.add(this.#owner);
  }

  /** Removes the link, if there is one. */
  unlink(peer: Process): void {
    this.#links?.delete(peer);
    peer.bonds.#links?.delete(this.#owner);
  }

  /** Watches another process; the caller has made sure that it lives. */
  monitor(target: Process): MonitorRef {
    const ref = new MonitorRef(target.pid);
    this.#watching ??= new Map();
    this.#watching.set(ref, target);
    target.bonds.#watchers ??= new Map();
    target.bonds.#watchers.set(ref, this.#owner);
    return ref;
  }

  /** Stops watching. */
  demonitor(ref: MonitorRef): void {
    const target = this.#watching?.get(ref);
    if (target === undefined) return;
    target.bonds.#watchers?.delete(ref);
    this.#watching?.delete(ref);
  }

  /** The owner is gone: tells everybody bound to it, and lets go of them. */
  sever(reason: ExitReason): void {
    const { pid } = this.#owner;
    for (const peer of this.#links ?? []) {
      peer.bonds.#links?.delete(this.#owner);
      peer.exitSignal(pid, reason, true);
    }
    for (const [ref, watcher] of this.#watchers ?? []) {
      watcher.bonds.#watching?.delete(ref);
      const message: DownMessage = { type: 'DOWN', ref, pid, reason };
      watcher.deliver(message);
    }
    for (const [ref, target] of this.#watching ?? []) target.bonds.#watchers?.delete(ref);
    this.#links = this.#watchers = this.#watching = undefined;
  }
}
