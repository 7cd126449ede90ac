import {
  isFrom,
  type ActorSystem,
  type ExitReason,
  type From,
  type ProcessContext,
  type ProcessName,
} from '@snakepit/core';
import { answerOf, countsOf } from './answers.ts';
import type { ChildHandles } from './child-handles.ts';
import { childAt, type Children } from './children.ts';
import { tableValues } from './ordered-table.ts';
import type { EndOfChild } from './reports.ts';
import type { Answer, RetryMessage, SupervisorFact } from './requests.ts';
import { isPlainObject } from './supervisor-options.ts';
import type { SupervisorReports } from './supervisor-reports.ts';

interface At {
  readonly serial: number;
}

interface Seen {
  readonly context: { readonly children: Children };
  readonly event: unknown;
}

/** What both kinds of supervisor do when their charts say so. */
export class SharedEffects {
  readonly #self: ProcessContext;
  readonly #handles: ChildHandles;
  readonly #reports: SupervisorReports;
  #caller: From | undefined;

  /**
   * @param self - The supervisor.
   * @param handles - Its children's specs and pids.
   * @param reports - What it says about them.
   */
  constructor(self: ProcessContext, handles: ChildHandles, reports: SupervisorReports) {
    this.#self = self;
    this.#handles = handles;
    this.#reports = reports;
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
      startChild: ({ serial }: At) => {
        handles.start(serial);
      },
      askChild: ({ serial }: At) => {
        handles.ask(serial);
      },
      killChild: ({ serial }: At) => {
        handles.kill(serial);
      },
      readClock: () => {
        self.send(self.pid, { type: 'second.read', atSecond: wholeSeconds(self.system) });
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
      forgetSpec: ({ serial }: At) => {
        handles.forget(serial);
      },
    };
  }

  /** Effects that tell the world. */
  // eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the types of defineStatechart check every effect
  noting() {
    const handles = this.#handles;
    const reports = this.#reports;
    return {
      noteStart: ({ serial, again }: At & { readonly again: boolean }) => {
        const [spec, pid] = [handles.spec(serial), handles.pid(serial)];
        if (spec !== undefined && pid !== undefined) reports.started(spec.id, pid, again);
      },
      noteEnd: ({ serial, reason, report, dropped }: EndOfChild) => {
        const spec = handles.spec(serial);
        if (spec === undefined) return;
        const pid = handles.pid(serial);
        reports.ended(spec.id, pid, reason);
        if (report !== null) reports.report(report, reason, spec, { pid, restarting: false });
        handles.release(serial);
        if (dropped) handles.forget(serial);
      },
      noteFailure: ({ serial, reason }: At & { readonly reason: ExitReason }, seen: Seen) => {
        const spec = handles.spec(serial);
        const slot = childAt(seen.context.children, serial);
        if (spec === undefined || slot === undefined) return;
        const pid = slot.pid === null ? undefined : handles.pid(serial);
        reports.report('startError', reason, spec, {
          pid,
          restarting: pid !== undefined && slot.failures > 0,
        });
      },
      noteGivingUp: ({ serial }: At, seen: Seen) => {
        const spec = handles.spec(serial);
        const slot = childAt(seen.context.children, serial);
        if (spec === undefined || slot === undefined) return;
        const pid = slot.pid === null ? undefined : handles.pid(serial);
        const known = { pid, restarting: slot.failures > 0 };
        reports.report('shutdown', 'reachedMaxRestartIntensity', spec, known);
      },
      noteUnexpected: (_: unknown, { event }: Seen) => {
        const { logger } = this.#self.system;
        logger.warn(`supervisor ${this.#self.pid.toString()} got an unexpected message`, { event });
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

/** Monotonic time in whole seconds (OTP INT-001). */
function wholeSeconds(system: ActorSystem): number {
  return Math.floor(system.clock.now() / 1_000);
}

/** Timers and I/O had their turn. */
const turnCame: SupervisorFact = { type: 'turn.came' };
