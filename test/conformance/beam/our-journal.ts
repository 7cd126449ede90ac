import type { ActorSystem, ExitReason, Pid } from '@snakepit/core';
import type {} from '@snakepit/supervisor';
import { textOf } from './reasons.ts';
import type { Outcome, Temper } from './scenario.ts';

/** Writes down what happens in one history, in order: starts, ends, terminate callbacks, reports. */
export class Journal {
  /** The lines. */
  readonly log: string[] = [];
  /** Who is in a terminate callback that comes to an end. */
  readonly ending = new Set<Pid>();
  /** Who was told to end itself. */
  readonly finishing = new Set<Pid>();
  /** Supervisors that live. */
  readonly supervisors = new Set<Pid>();
  /** Where it happens. */
  readonly system: ActorSystem;
  readonly #counts = new Map<string, number>();
  readonly #names = new Map<Pid, string>();
  readonly #pids = new Map<string, Pid>();

  constructor(system: ActorSystem) {
    this.system = system;
    system.telemetry.on('snakepit.process.exited', (_, { pid, reason }) => {
      this.supervisors.delete(pid);
      this.ending.delete(pid);
      if (this.#names.has(pid)) this.write(`end ${this.nameOf(pid)} ${this.textOf(reason)}`);
    });
    system.telemetry.on(
      'snakepit.supervisor.report',
      (_, { supervisor, context, reason, offender }) => {
        const name = offender.pid === undefined ? '-' : this.nameOf(offender.pid);
        this.write(
          [
            'report',
            this.nameOf(supervisor),
            snakeCase(context),
            textOfId(offender.id),
            `(${typeof reason === 'string' ? snakeCase(reason) : this.textOf(reason)})`,
            offender.restarting ? `restarting ${name}` : name,
          ].join(' '),
        );
      },
    );
  }

  /** Adds a line. */
  write(line: string): void {
    this.log.push(line);
  }

  /** Which start of this id the next one is. */
  peek(id: string): number {
    return (this.#counts.get(id) ?? 0) + 1;
  }

  /** A start that will not succeed. */
  failed(id: string, outcome: Outcome): void {
    this.#count(id, outcome);
  }

  /** A start that will succeed. */
  begun(id: string, pid: Pid, outcome: Outcome): void {
    this.#names.set(pid, this.#count(id, outcome));
    this.#pids.set(id, pid);
  }

  /** A supervisor begins to start its children. */
  begunSupervisor(id: string, pid: Pid): void {
    this.begun(id, pid, 'ok');
    this.supervisors.add(pid);
  }

  /** A terminate callback runs. */
  terminating(pid: Pid, reason: ExitReason, temper: Temper): void {
    this.write(`term ${this.nameOf(pid)} ${this.textOf(reason)}`);
    if (temper !== 'hanging') this.ending.add(pid);
  }

  /** The process last started under an id, also when it is gone. */
  pidOf(id: string): Pid | undefined {
    return this.#pids.get(id);
  }

  /** Whether the process last started under an id lives. */
  lives(id: string): boolean {
    const pid = this.#pids.get(id);
    return pid !== undefined && this.system.isAlive(pid);
  }

  /** A process as it is written. */
  nameOf(pid: Pid): string {
    return this.#names.get(pid) ?? '?';
  }

  /** A reason as it is written. */
  textOf(reason: ExitReason): string {
    return textOf(reason, (pid) => this.nameOf(pid));
  }

  #count(id: string, outcome: Outcome): string {
    const n = this.peek(id);
    this.#counts.set(id, n);
    const name = `${id}#${n}`;
    this.write(`start ${name} ${typeof outcome === 'string' ? outcome : outcome.join(' ')}`);
    return name;
  }
}

/** An id as it is written: all ids of scenarios are strings. */
export function textOfId(id: unknown): string {
  return typeof id === 'string' ? id : '-';
}

/** `startError` as OTP writes it. */
export function snakeCase(word: string): string {
  return word.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
