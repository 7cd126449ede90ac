import { defineStatechart, type ProcessContext } from '@snakepit/core';
import '../telemetry/events.ts';
import { startWatchdog, watchdogEnvironment, type WatchdogProcess } from './watchdog-process.ts';
import {
  watchdogMachine,
  type WatchdogContext,
  type WatchdogEvent,
  type WatchdogInput,
} from './watchdog.machine.ts';

/** The registered name of the process that looks after the watchdog. */
export const watchdogName = 'snakepit.watchdog';

/** How long everything may take, in milliseconds; see {@link WatchdogContext}. */
export const watchdogTimes = {
  startTimeoutMs: 5_000,
  settleTimeMs: 10_000,
  backoffMs: 200,
  maxBackoffMs: 30_000,
  byeTimeoutMs: 2_000,
  killTimeoutMs: 2_000,
} as const;

/** Keeps the watchdog of a run; see {@link watchdogMachine}. */
export const watchdog = defineStatechart(watchdogMachine, {
  trapExit: true,
  effects: (self, input) => new WatchdogEffects(self, input).effects(),
});

interface EffectArguments {
  readonly context: WatchdogContext;
  readonly event: WatchdogEvent;
}

/** Holds the watchdog's process, hands it the groups, and says what became of it. */
class WatchdogEffects {
  readonly #self: ProcessContext;
  readonly #input: WatchdogInput;
  #current: WatchdogProcess | undefined;
  #readyAtMs = 0;
  #isToldToLeave = false;

  constructor(self: ProcessContext, input: WatchdogInput) {
    this.#self = self;
    this.#input = input;
    self.signal.addEventListener('abort', () => {
      this.#letGo();
    });
  }

  effects() {
    return {
      startWatchdog: () => {
        this.#start();
      },
      killWatchdog: () => {
        this.#current?.kill();
      },
      sayBye: () => {
        this.#isToldToLeave = true;
        this.#current?.bye();
      },
      ...this.#reports(),
    };
  }

  #reports() {
    const { runId, groups } = this.#input;
    const { clock, logger, telemetry } = this.#self.system;
    const about = { runId };
    return {
      reportStarted: (_params: unknown, { context: { osPid, deaths } }: EffectArguments) => {
        this.#readyAtMs = clock.now();
        const what = deaths === 0 ? 'started' : 'replaced';
        const measured = { count: 1, groups: groups.leaders().length } as const;
        telemetry.emit(`snakepit.watchdog.${what}`, measured, { ...about, osPid });
      },
      reportUnavailable: (_params: unknown, { context: { failures, why } }: EffectArguments) => {
        // It is tried again for ever; once is enough to say so.
        const level = failures === 1 ? 'warn' : 'debug';
        logger[level](`the watchdog cannot be started, workers go on without: ${why ?? ''}`, about);
        const reason = why ?? '';
        telemetry.emit('snakepit.watchdog.unavailable', { count: 1 }, { ...about, reason });
      },
      reportDied: (_params: unknown, { context: { osPid }, event }: EffectArguments) => {
        const reason = 'why' in event ? event.why : '';
        logger.warn(
          `the watchdog has ended and is replaced: ${reason} (process ${String(osPid ?? '?')}); if it happens again, look who ends it`,
          about,
        );
        const measured = { count: 1, uptimeMs: clock.now() - this.#readyAtMs } as const;
        telemetry.emit('snakepit.watchdog.died', measured, { ...about, osPid, reason });
      },
      reportFault: (_params: unknown, { context: { fault = '' } }: EffectArguments) => {
        logger.error(`the watchdog cannot do its work here: ${fault}`, about);
        telemetry.emit('snakepit.watchdog.faulted', { count: 1 }, { ...about, fault });
      },
      reportStopped: () => {
        telemetry.emit('snakepit.watchdog.stopped', { count: 1 }, about);
      },
    };
  }

  #start(): void {
    const { command, marker, groups } = this.#input;
    // One that was given up may still say something; nobody listens any more.
    const tell = (event: WatchdogEvent): void => {
      if (this.#current === started) this.#self.send(this.#self.pid, event);
    };
    const started = startWatchdog({
      command,
      env: watchdogEnvironment(marker),
      leaders: groups.leaders(),
      onReady: (osPid) => {
        tell({ type: 'watchdog.ready', osPid });
      },
      onFault: (fault) => {
        tell({ type: 'watchdog.faulted', fault });
      },
      onExit: (why) => {
        tell({ type: 'watchdog.exited', why });
      },
    });
    this.#current = started;
    groups.follow(started);
  }

  /** Ended in whatever way: without bye the watchdog would take the end of its stdin for the runtime's. */
  #letGo(): void {
    if (!this.#isToldToLeave) this.#current?.bye();
    this.#current = undefined;
    this.#input.groups.follow(undefined);
  }
}
