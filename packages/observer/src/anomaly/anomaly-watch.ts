import type { ActorSystem } from '@snakepit/core';
import { initialTransition, transition, type SnapshotFrom } from 'xstate';
import { anomalyAdvice, anomalyEvents, type AnomalyKind } from './anomaly-event.ts';
import { anomalyMachine, type AnomalyEvent, type AnomalyInput } from './anomaly.machine.ts';
import {
  latencyDrift,
  memorySlope,
  missedHeartbeats,
  queueAge,
  restartRate,
  type Finding,
  type Point,
} from './detectors.ts';
import { takeSample, type PoolSample, type Sample, type WorkerSample } from './sample.ts';

/** Something that is not as usual at present. */
export interface Anomaly {
  /** What is wrong. */
  readonly kind: AnomalyKind;
  /** What it is about. */
  readonly subject: string;
  /** What is the case, as a sentence. */
  readonly message: string;
  /** What to do about it. */
  readonly advice: string;
  /** Since when, by the clock of the system. */
  readonly sinceMs: number;
}

/** Watches for anomalies as long as it runs. */
export interface AnomalyWatch {
  /** What is not as usual at present. */
  active(): readonly Anomaly[];
  /** Looks no more. */
  stop(): void;
}

/** Milliseconds between two looks; fewer would only cost. */
const lookEveryMs = 5_000;
/** Looks that are remembered: half an hour of latencies, and 2.5 minutes of heartbeats. */
const rememberedLooks = 360;
const rememberedBeats = 30;
/** Every so many looks memory is noted, so often: half an hour of it. */
const memoryEvery = 6;
const rememberedMemory = 60;
/** What begins takes memory: so many of its notes, a minute, are not counted. */
const memoryWarmUp = 2;
/** A call may wait so long, in milliseconds, or half its queue timeout, if that is less. */
const longWaitMs = 5_000;
/** How a suspicion becomes an alarm, and ends. */
const patience: AnomalyInput = { raiseAfter: 2, clearAfter: 6 };

/**
 * Watches a system for what is not as usual: workers that fail often, latencies that drift, memory that keeps growing,
 * missed heartbeats, calls that wait long (R10.5). Each is told once, as the event `snakepit.anomaly.detected` and in the
 * log, with what to do; and again when it is over.
 *
 * It looks every five seconds until it is stopped or the system is, and keeps no program from ending.
 */
export function watchAnomalies(
  system: Pick<
    ActorSystem,
    'clock' | 'logger' | 'observation' | 'onStopped' | 'processes' | 'telemetry'
  >,
): AnomalyWatch {
  const { clock, logger, telemetry } = system;
  telemetry.describe(anomalyEvents);
  const judge = new AnomalyJudge(system);
  let timer: unknown;
  let isStopped = false;
  const look = (): void => {
    try {
      judge.look(takeSample(system));
    } catch (error) {
      logger.warn('the watch for anomalies could not look', { error });
    }
    again();
  };
  const again = (): void => {
    // Whoever was told may have stopped it.
    if (isStopped) return;
    timer = clock.setTimeout(look, lookEveryMs);
    if (timer !== null && typeof timer === 'object' && 'unref' in timer) {
      (timer as NodeJS.Timeout).unref();
    }
  };
  again();
  const stop = (): void => {
    isStopped = true;
    clock.clearTimeout(timer);
    takeBack();
  };
  const takeBack = system.onStopped(stop);
  return { active: () => judge.active(), stop };
}

/** One suspicion: what of whom, and how far it has come. */
interface Suspicion {
  readonly kind: AnomalyKind;
  readonly subject: string;
  snapshot: SnapshotFrom<typeof anomalyMachine>;
}

/** What is remembered of one worker or pool. */
class Series {
  readonly numbers: number[] = [];
  readonly points: Point[] = [];
  /** Which process it is about. */
  osPid: number | undefined;
  /** Notes that were left out. */
  skipped = 0;
  seenAtLook = 0;
}

/** Judges sample after sample. */
class AnomalyJudge {
  readonly #system: Pick<ActorSystem, 'logger' | 'telemetry'>;
  readonly #series = new Map<string, Series>();
  readonly #suspicions = new Map<string, Suspicion>();
  #looks = 0;

  /** @param system - Where anomalies are told. */
  constructor(system: Pick<ActorSystem, 'logger' | 'telemetry'>) {
    this.#system = system;
  }

  /** What is not as usual at present. */
  active(): readonly Anomaly[] {
    return [...this.#suspicions.values()].flatMap(({ kind, subject, snapshot }) => {
      const { finding, raisedAtMs: sinceMs } = snapshot.context;
      const isActive = snapshot.matches('raised') || snapshot.matches('fading');
      if (!isActive || finding === undefined) return [];
      const message = `${subject} ${finding.message}`;
      return [{ kind, subject, message, advice: anomalyAdvice[kind], sinceMs }];
    });
  }

  /** Looks at the next sample. */
  look(sample: Sample): void {
    this.#looks += 1;
    for (const pool of sample.pools) this.#lookAtPool(pool, sample.atMs);
    for (const worker of sample.workers) this.#lookAtWorker(worker, sample.atMs);
    this.#forgetGone(sample.atMs);
  }

  #lookAtPool(pool: PoolSample, atMs: number): void {
    const subject = `pool ${pool.name}`;
    const failures = this.#seriesOf('restarts', subject);
    note(failures.points, { atMs, value: pool.failures }, rememberedLooks);
    this.#judge('restarts', subject, restartRate(failures.points, pool.size), atMs);

    const waits = this.#seriesOf('queue', subject);
    note(waits.numbers, pool.oldestWaitMs, rememberedBeats);
    const limitMs = Math.min(longWaitMs, (pool.queueTimeoutMs ?? Infinity) / 2);
    this.#judge('queue', subject, queueAge(waits.numbers, limitMs), atMs);

    // A pool without calls is not slow, and keeps the latency that was usual.
    const latencies = this.#seriesOf('latency', subject);
    const isIdle = pool.p50Ms === undefined;
    if (!isIdle) note(latencies.numbers, pool.p50Ms, rememberedLooks);
    const finding = isIdle ? undefined : latencyDrift(latencies.numbers);
    this.#judge('latency', subject, finding, atMs);
  }

  #lookAtWorker(worker: WorkerSample, atMs: number): void {
    const subject = `worker ${worker.id}`;
    const beats = this.#seriesOf('heartbeat', subject);
    note(beats.numbers, worker.missedHeartbeats, rememberedBeats);
    this.#judge('heartbeat', subject, missedHeartbeats(beats.numbers), atMs);

    const memory = this.#seriesOf('memory', subject);
    if (worker.osPid !== undefined && memory.osPid !== worker.osPid) {
      memory.osPid = worker.osPid;
      memory.skipped = memory.points.length = 0;
      // Whose memory it was is gone.
      this.#end(`memory ${subject}`, atMs);
    }
    if (worker.rssBytes === undefined || this.#looks % memoryEvery !== 0) return;
    if (memory.skipped < memoryWarmUp) {
      memory.skipped += 1;
      return;
    }
    note(memory.points, { atMs, value: worker.rssBytes }, rememberedMemory);
    this.#judge('memory', subject, memorySlope(memory.points), atMs);
  }

  #seriesOf(kind: AnomalyKind, subject: string): Series {
    const key = `${kind} ${subject}`;
    const series = this.#series.get(key) ?? new Series();
    this.#series.set(key, series);
    series.seenAtLook = this.#looks;
    return series;
  }

  #judge(kind: AnomalyKind, subject: string, finding: Finding | undefined, atMs: number): void {
    const key = `${kind} ${subject}`;
    const known = this.#suspicions.get(key);
    if (known === undefined && finding === undefined) return;
    const suspicion = known ?? {
      ...{ kind, subject },
      snapshot: initialTransition(anomalyMachine, patience)[0],
    };
    this.#suspicions.set(key, suspicion);
    const event: AnomalyEvent =
      finding === undefined ? { type: 'look.clean', atMs } : { type: 'look.found', finding, atMs };
    const [next, actions] = transition(anomalyMachine, suspicion.snapshot, event);
    suspicion.snapshot = next;
    for (const { type } of actions) {
      if (type === 'raise' && finding !== undefined) this.#raise(suspicion, finding);
      else if (type === 'clear') this.#clear(suspicion, atMs);
    }
    if (next.matches('quiet')) this.#suspicions.delete(key);
  }

  #raise({ kind, subject }: Suspicion, { value, baseline, message: what }: Finding): void {
    const { telemetry, logger } = this.#system;
    const advice = anomalyAdvice[kind];
    const message = `${subject} ${what}`;
    const about = { kind, subject, message, advice };
    telemetry.emit('snakepit.anomaly.detected', { count: 1, value, baseline }, about);
    logger.warn(`anomaly: ${message}; ${advice}`, { kind, subject });
  }

  #clear({ kind, subject, snapshot }: Suspicion, atMs: number): void {
    const durationMs = atMs - snapshot.context.raisedAtMs;
    const { telemetry, logger } = this.#system;
    telemetry.emit('snakepit.anomaly.cleared', { count: 1, durationMs }, { kind, subject });
    logger.info(`anomaly over: ${kind} of ${subject} is as usual again`, { kind, subject });
  }

  /** What has not been seen for a while is gone, and with it what was wrong with it. */
  #forgetGone(atMs: number): void {
    const oldest = this.#looks - patience.clearAfter;
    for (const [key, { seenAtLook }] of this.#series) {
      if (seenAtLook < oldest) this.#series.delete(key);
    }
    for (const key of this.#suspicions.keys()) {
      // Memory is judged seldom, and then by whether its worker is there.
      if (!this.#series.has(key)) this.#end(key, atMs);
    }
  }

  #end(key: string, atMs: number): void {
    const suspicion = this.#suspicions.get(key);
    if (suspicion === undefined) return;
    if (!suspicion.snapshot.matches('suspected')) this.#clear(suspicion, atMs);
    this.#suspicions.delete(key);
  }
}

function note<T>(list: T[], entry: T, limit: number): void {
  list.push(entry);
  if (list.length > limit) list.shift();
}
