import {
  formatProcessName,
  isSilent,
  type ExitReason,
  type Pid,
  type ProcessContext,
  type ProcessName,
} from '@snakepit/core';
import type { ChildId } from './child-id.ts';
import type { CompleteChildSpec } from './child-spec.ts';
import { childAt } from './children.ts';
import type { Incident, Restarted } from './incident.ts';
import { supervisorEvents } from './supervisor-events.ts';
import { linesOfReport, nameOfChild, standing, type Standing } from './report-text.ts';
import type { RestartContext } from './restart-decisions.ts';

/** A report whose text waits until it can say what was done. */
interface Pending {
  readonly incident: Incident;
  readonly serial: number;
  readonly restarted: Restarted[];
  /** What comes after it in the log: first the report, then the starts (OTP RPT-006). */
  readonly then: (() => void)[];
  standing: Standing | undefined;
}

/** Rounds of the event loop that a text waits for its outcome; most restarts are done in the first. */
const mostRounds = 4;

/**
 * What a supervisor says about its children: events for programs, one text each for people.
 *
 * A report is an event at once, before what follows from it (OTP RPT-006). Its text tells also what was done, so it
 * waits until that is known, but not longer than a few rounds of the event loop, nor past the next text.
 */
export class SupervisorReports {
  readonly #self: ProcessContext;
  readonly #name: string | undefined;
  #pending: Pending | undefined;

  /**
   * @param self - The supervisor.
   * @param name - Its name, if it has one.
   */
  constructor(self: ProcessContext, name: ProcessName | undefined) {
    this.#self = self;
    this.#name = name === undefined ? undefined : formatProcessName(name);
    self.system.telemetry.describe(supervisorEvents);
  }

  /** A child was started. */
  started(id: ChildId, pid: Pid, again: boolean): void {
    const { telemetry } = this.#self.system;
    if (telemetry.enabled('snakepit.supervisor.child.started')) {
      const metadata = { supervisor: this.#self.pid, id, pid };
      telemetry.emit('snakepit.supervisor.child.started', { count: 1 }, metadata);
    }
    if (!again) return;
    this.#pending?.restarted.push({ id, pid });
    if (telemetry.enabled('snakepit.supervisor.child.restarted')) {
      const metadata = { supervisor: this.#self.pid, id, pid };
      telemetry.emit('snakepit.supervisor.child.restarted', { count: 1 }, metadata);
    }
  }

  /**
   * A progress report (OTP RPT-004).
   *
   * @param asked - Whether somebody asked for that start; then it is for developers only, as in newest OTP.
   */
  progress(spec: CompleteChildSpec, pid: Pid, asked: boolean): void {
    const { logger } = this.#self.system;
    const level = asked ? 'debug' : 'info';
    if (isSilent(logger, level)) return;
    const text = `${this.#who}: child ${nameOfChild(spec.id, pid)} was started`;
    const { restart, significant, shutdown, type } = spec;
    const { id } = spec;
    const started = { pid, id, restart, significant, shutdown, type };
    const tell = (): void => {
      logger[level](text, { ...this.#origin, started });
    };
    if (this.#pending === undefined) tell();
    else this.#pending.then.push(tell);
  }

  /** A child ended. */
  ended(id: ChildId, pid: Pid | undefined, reason: ExitReason): void {
    const { telemetry } = this.#self.system;
    if (!telemetry.enabled('snakepit.supervisor.child.terminated')) return;
    telemetry.emit(
      'snakepit.supervisor.child.terminated',
      { count: 1 },
      { supervisor: this.#self.pid, id, pid, reason },
    );
  }

  /** The restart of a child waits for its time; the text of its end, if there is one to come, says so. */
  backingOff(spec: CompleteChildSpec, pid: Pid | undefined, delayMs: number): void {
    const { telemetry } = this.#self.system;
    if (telemetry.enabled('snakepit.supervisor.child.backing_off')) {
      const metadata = { supervisor: this.#self.pid, id: spec.id, pid };
      telemetry.emit('snakepit.supervisor.child.backing_off', { count: 1, delayMs }, metadata);
    }
    this.conclude(`It will be restarted in ${Math.ceil(delayMs)} ms.`);
  }

  /** A child was given up. */
  givenUp(id: ChildId, pid: Pid | undefined): void {
    const { telemetry } = this.#self.system;
    if (!telemetry.enabled('snakepit.supervisor.child.failed')) return;
    const metadata = { supervisor: this.#self.pid, id, pid };
    telemetry.emit('snakepit.supervisor.child.failed', { count: 1 }, metadata);
  }

  /**
   * A supervisor report that says all there is to say.
   *
   * @param at - Where the child's restarts stand, if it is restarted.
   */
  report(incident: Incident, at?: Standing): void {
    this.#tell(incident);
    this.conclude();
    if (this.#isRead) this.#write(incident, [], at);
  }

  /** A supervisor report of a child that is about to be restarted. */
  reportBeforeRestart(incident: Incident, serial: number): void {
    this.#tell(incident);
    this.conclude();
    if (!this.#isRead) return;
    const pending: Pending = { incident, serial, restarted: [], then: [], standing: undefined };
    this.#pending = pending;
    this.#concludeLater(pending, mostRounds);
  }

  /** A start that takes its time, or for ever, must not keep the report back. Holds nothing but that. */
  #concludeLater(pending: Pending, rounds: number): void {
    setImmediate(() => {
      if (this.#pending !== pending) return;
      if (rounds > 1) this.#concludeLater(pending, rounds - 1);
      else this.conclude('The restart is under way.');
    });
  }

  /** Whether a text waits to tell who was started. */
  get awaitsOutcome(): boolean {
    return this.#pending !== undefined;
  }

  /** A child declined to be started again. */
  declined(serial: number): void {
    if (this.#pending?.serial !== serial) return;
    this.conclude('It declined to be started again, and stays stopped.');
  }

  /** A restart goes on: how its child's restarts stand is known by now. */
  restartGoesOn(context: RestartContext): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    pending.standing = standing(context, childAt(context.children, pending.serial));
  }

  /**
   * Writes the text that waits, if there is one.
   *
   * @param outcome - What comes of it besides; default: who was restarted says it all.
   */
  conclude(outcome?: string): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    const { incident, restarted, then } = pending;
    const notes = outcome === undefined ? incident.notes : [...incident.notes, outcome];
    this.#write({ ...incident, notes }, restarted, pending.standing);
    for (const tell of then) tell();
  }

  #tell({ context, reason, offender }: Incident): void {
    const { telemetry } = this.#self.system;
    if (!telemetry.enabled('snakepit.supervisor.report')) return;
    const supervisor = this.#self.pid;
    const metadata = { supervisor, name: this.#name, context, reason, offender };
    telemetry.emit('snakepit.supervisor.report', { count: 1 }, metadata);
  }

  #write(incident: Incident, restarted: readonly Restarted[], at: Standing | undefined): void {
    const { context, reason, offender } = incident;
    this.#self.system.logger.error(linesOfReport(this.#who, incident, restarted, at).join('\n'), {
      ...this.#origin,
      context,
      reason,
      offender,
      restarted,
      ...(at !== undefined && { restarts: at }),
    });
  }

  get #isRead(): boolean {
    return !isSilent(this.#self.system.logger, 'error');
  }

  get #who(): string {
    const pid = this.#self.pid.toString();
    return this.#name === undefined ? `supervisor ${pid}` : `supervisor ${this.#name} ${pid}`;
  }

  get #origin(): { readonly supervisor: string; readonly name: string | undefined } {
    return { supervisor: this.#self.pid.toString(), name: this.#name };
  }
}
