import { isFrom, type From, type ProcessContext, type ProcessName } from '@snakepit/core';
import { answerOf, countsOf } from './answers.ts';
import type { ChildHandles } from './child-handles.ts';
import { tableValues } from './ordered-table.ts';
import { isPlainObject } from './plain-values.ts';
import type { Answer, RetryMessage, SupervisorFact } from './requests.ts';
import type { RestartContext, Wait } from './restart-decisions.ts';
import type { SupervisorReports } from './supervisor-reports.ts';

/** Params of an effect on one child. */
export interface At {
  /** Its place. */
  readonly serial: number;
}

/** What an effect may look at. */
export interface Seen {
  /** The supervisor's; `upTo` of one that restarts in groups is the last place of the group. */
  readonly context: RestartContext & { readonly upTo?: number };
  /** What led to it. */
  readonly event: unknown;
}

/** What both kinds of supervisor do when their charts say so. */
export class SharedEffects {
  readonly #self: ProcessContext;
  readonly #handles: ChildHandles;
  readonly #reports: SupervisorReports;
  readonly #random: () => number;
  #caller: From | undefined;

  /**
   * @param self - The supervisor.
   * @param handles - Its children's specs and pids.
   * @param reports - What it says about them.
   * @param random - Gives the random part of waits.
   */
  constructor(
    self: ProcessContext,
    handles: ChildHandles,
    reports: SupervisorReports,
    random: () => number = Math.random,
  ) {
    this.#self = self;
    this.#handles = handles;
    this.#reports = reports;
    this.#random = random;
  }

  /** Answers a request; one that was sent instead of called has nobody to answer. */
  reply(from: unknown, answer: unknown): void {
    if (isFrom(from)) this.#self.reply(from, answer);
  }

  /** Effects on children. */
  // eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the types of defineStatechart check every effect
  acting() {
    const self = this.#self;
    const handles = this.#handles;
    return {
      introduce: () => {
        self.send(self.pid, { type: 'parent.known', parent: self.parent.id });
      },
      startChild: ({ serial }: At, { context }: Seen) => {
        this.#reports.restartGoesOn(context);
        handles.start(serial);
      },
      askChild: ({ serial }: At) => {
        handles.ask(serial);
      },
      killChild: ({ serial }: At) => {
        handles.kill(serial);
      },
      readClock: () => {
        const atMs = self.system.clock.now();
        // Whole seconds, as OTP counts (INT-001).
        self.send(self.pid, { type: 'second.read', atSecond: Math.floor(atMs / 1_000), atMs });
      },
      retryLater: ({ serial }: At) => {
        const retry: RetryMessage = { type: 'child.retry', serial };
        self.send(self.pid, retry);
      },
      yieldTurn: () => {
        // Runs in the next round of the event loop and holds nothing; sent by a dead process it has no effect.
        setImmediate(() => {
          self.send(self.pid, turnCame);
        });
      },
      waitToRestart: ({ serial, wait, delayMs }: Wait, { context }: Seen) => {
        const restMs = delayMs * (1 - (context.backoff?.jitter ?? 0) * this.#random());
        handles.waitToRestart(serial, wait, restMs);
        const spec = handles.spec(serial);
        if (spec === undefined) return;
        this.#reports.restartGoesOn(context);
        this.#reports.backingOff(spec, handles.pid(serial), restMs);
      },
      cancelWait: ({ serial }: At) => {
        handles.cancelWait(serial);
      },
      forgetSpec: ({ serial }: At) => {
        handles.forget(serial);
      },
    };
  }

  /** Effects that answer calls. */
  // eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the types of defineStatechart check every effect
  answering() {
    const handles = this.#handles;
    return {
      holdCaller: ({ from }: { readonly from: From }) => {
        this.#caller = from;
      },
      answer: ({ from, answer }: { readonly from: From; readonly answer: Answer }) => {
        this.reply(from, answerOf(answer, handles));
      },
      answerCaller: ({ answer }: { readonly answer: Answer }) => {
        this.reply(this.#caller, answerOf(answer, handles));
        this.#caller = undefined;
      },
      answerCount: ({ from }: { readonly from: From }, { context }: Seen) => {
        this.reply(from, countsOf(tableValues(context.children.slots), handles, this.#self.system));
      },
    };
  }
}

/** The name that a supervisor's options ask for. */
export function nameIn(options: unknown): ProcessName | undefined {
  const name = isPlainObject(options) ? options['name'] : undefined;
  // What is no name is refused where the process is started.
  return typeof name === 'string' || isPlainObject(name) ? (name as ProcessName) : undefined;
}

/** Timers and I/O had their turn. */
const turnCame: SupervisorFact = { type: 'turn.came' };
