import { isFrom, type From, type ProcessName, type Supervision } from '@snakepit/core';
import { answerOf, countsOf } from './answers.ts';
import type { DynamicSupervisorContext } from './dynamic-context.ts';
import { supervisorLifeEvents } from './life-events.ts';
import { supervisorMetrics } from './metrics.ts';
import { tableValues } from './ordered-table.ts';
import { isPlainObject } from './plain-values.ts';
import { ReportEffects, type At, type Seen, type Witness } from './report-effects.ts';
import type { Answer, RetryMessage, SupervisorFact } from './requests.ts';
import type { Wait } from './restart-decisions.ts';
import { supervisionOf } from './supervision.ts';
import type { SupervisorContext } from './supervisor-context.ts';

/** What both kinds of supervisor do when their charts say so. */
export class SharedEffects extends ReportEffects {
  readonly #random: () => number;
  #caller: From | undefined;

  /**
   * @param witness - The supervisor and what belongs to it.
   * @param random - Gives the random part of waits.
   */
  constructor(witness: Witness, random: () => number = Math.random) {
    super(witness);
    this.#random = random;
    this.self.system.observation.addMetrics(supervisorMetrics);
    this.self.system.records.addLifeEvents(supervisorLifeEvents);
  }

  /** Tells the chart whose child the supervisor is. */
  introduce(): void {
    this.self.send(this.self.pid, { type: 'parent.known', parent: this.self.parent.id });
  }

  /** Starts a child. */
  startChild({ serial }: At, { context }: Seen): void {
    this.reports.restartGoesOn(context);
    this.handles.start(serial);
  }

  /** Asks a child to end. */
  askChild({ serial }: At): void {
    this.handles.ask(serial);
  }

  /** Kills a child. */
  killChild({ serial }: At): void {
    this.handles.kill(serial);
  }

  /** Tells the chart what time it is. */
  readClock(): void {
    const { pid, system } = this.self;
    const atMs = system.clock.now();
    // Whole seconds, as OTP counts (INT-001).
    this.self.send(pid, { type: 'second.read', atSecond: Math.floor(atMs / 1_000), atMs });
  }

  /** Has a failed restart tried again. */
  retryLater({ serial }: At): void {
    const retry: RetryMessage = { type: 'child.retry', serial };
    this.self.send(this.self.pid, retry);
  }

  /** Lets timers and I/O have their turn. */
  yieldTurn(): void {
    const { self } = this;
    // Runs in the next round of the event loop and holds nothing; sent by a dead process it has no effect.
    setImmediate(() => {
      self.send(self.pid, turnCame);
    });
  }

  /** Has a child wait for the time of its restart. */
  waitToRestart({ serial, wait, delayMs }: Wait, { context }: Seen): void {
    const restMs = delayMs * (1 - (context.backoff?.jitter ?? 0) * this.#random());
    this.handles.waitToRestart(serial, wait, restMs);
    const spec = this.handles.spec(serial);
    if (spec === undefined) return;
    this.reports.restartGoesOn(context);
    this.reports.backingOff(spec, this.handles.pid(serial), restMs);
  }

  /** A child need not wait any longer. */
  cancelWait({ serial }: At): void {
    this.handles.cancelWait(serial);
  }

  /** Lets go of all that belongs to a child. */
  forgetSpec({ serial }: At): void {
    this.handles.forget(serial);
  }

  /** Keeps who asked, to be answered when it is done. */
  holdCaller({ from }: { readonly from: From }): void {
    this.#caller = from;
  }

  /** Answers a request at once. */
  answer({ from, answer }: { readonly from: From; readonly answer: Answer }): void {
    this.reply(from, answerOf(answer, this.handles));
  }

  /** Answers who was kept. */
  answerCaller({ answer }: { readonly answer: Answer }): void {
    this.reply(this.#caller, answerOf(answer, this.handles));
    this.#caller = undefined;
  }

  /** Answers how many children there are. */
  answerCount({ from }: { readonly from: From }, { context }: Seen): void {
    const slots = tableValues(context.children.slots);
    this.reply(from, countsOf(slots, this.handles, this.self.system));
  }

  /** What can be asked of this supervisor by those who look, given its snapshot. */
  supervision({ context }: { readonly context: Supervised }): Supervision {
    return supervisionOf(context, this.handles);
  }

  /** Answers a request; one that was sent instead of called has nobody to answer. */
  protected reply(from: unknown, answer: unknown): void {
    if (isFrom(from)) this.self.reply(from, answer);
  }
}

type Supervised = SupervisorContext | DynamicSupervisorContext;

/** What can be asked of the supervisor that has this state and these effects. */
export function supervision(state: unknown, effects: unknown): Supervision | undefined {
  if (!(effects instanceof SharedEffects)) return undefined;
  // Both charts have one of these contexts.
  return effects.supervision(state as { readonly context: Supervised });
}

/** The name that a supervisor's options ask for. */
export function nameIn(options: unknown): ProcessName | undefined {
  const name = isPlainObject(options) ? options['name'] : undefined;
  // What is no name is refused where the process is started.
  return typeof name === 'string' || isPlainObject(name) ? (name as ProcessName) : undefined;
}

/** Timers and I/O had their turn. */
const turnCame: SupervisorFact = { type: 'turn.came' };
