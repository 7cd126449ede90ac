import { setTimeout as sleep } from 'node:timers/promises';
import { openRuntime } from './open-runtime.mjs';
import { cpuMsOf, descriptorsOf, pssOf } from './processes.mjs';
import { warmMemory } from './warm-memory.mjs';

/** Calls in flight of the load. */
export const inFlight = 64;

/** Calls that are made one after the other. */
const callsAlone = 1_000;
/** Processor time of the calls that are worth to be spread over many workers, in milliseconds. */
export const workMilliseconds = { short: 1, long: 5 };

/**
 * Starts so many workers, looks at what they are and use while nothing is asked of them, calls them as the pool chooses and
 * then all by turns, and ends them in order.
 *
 * @param {{
 *   workers: number,
 *   launch: 'fork' | 'spawn',
 *   idleMs: number,
 *   settleMs: number,
 *   calls: number,
 *   works: number,
 * }} plan
 * @returns {Promise<Record<string, number>>}
 */
export async function visit({ workers, launch, settleMs, idleMs, calls, works }) {
  await warmMemory(workers, launch);
  const runtime = await openRuntime({ workers, launch });
  try {
    const memory = await runtime.ask('memory', { settleMs });
    const pids = runtime.carriers();
    const idle = await watchIdle(runtime, pids, idleMs);
    const alone = await runtime.ask('load', { calls: Math.min(calls, callsAlone), inFlight: 1 });
    const echoes = await runtime.ask('load', { calls, inFlight });
    // As many of each: to be spread over all workers, they must not be fewer than those.
    const short = { calls: works, inFlight, milliseconds: workMilliseconds.short };
    const long = { ...short, milliseconds: workMilliseconds.long };
    const work = await runtime.ask('load', short);
    const longWork = await runtime.ask('load', long);
    const spread = await runtime.ask('spread', { calls, inFlight });
    const spreadWork = await runtime.ask('spread', short);
    const spreadLongWork = await runtime.ask('spread', long);
    const { verdicts, ends } = await runtime.ask('counts');
    if (ends > 0) throw new Error(`${ends} of ${workers} workers ended by themselves`);
    const figures = {
      ready: runtime.readyMs,
      pss: pssOf(pids) / 2 ** 20 / workers,
      heap: memory.heapUsed + memory.external,
      rss: memory.rss,
      descriptors: descriptorsOf(runtime.pid) / workers,
      verdicts,
      ...{ aloneP50: alone.p50, aloneP99: alone.p99 },
      ...{ perSecond: echoes.perSecond, p50: echoes.p50, p99: echoes.p99 },
      ...{ worksPerSecond: work.perSecond, longWorksPerSecond: longWork.perSecond },
      ...{ spreadPerSecond: spread.perSecond, spreadWorksPerSecond: spreadWork.perSecond },
      spreadLongWorksPerSecond: spreadLongWork.perSecond,
      ...idle,
    };
    const { elapsedMs: stop } = await runtime.ask('stop');
    const left = runtime.carriers().length;
    if (left > 0) throw new Error(`stop() has left ${left} processes`);
    return { ...figures, stop };
  } finally {
    await runtime.close();
  }
}

/** How long the last of so many workers lives after its runtime was killed. */
export async function visitKill(workers, launch) {
  const runtime = await openRuntime({ workers, launch });
  try {
    const { elapsedMs, survivors } = await runtime.kill();
    if (survivors > 0) throw new Error(`${survivors} processes have survived the runtime`);
    return { kill: elapsedMs };
  } finally {
    await runtime.close();
  }
}

/** Only how long the start takes. */
export async function visitStart(workers, launch) {
  const runtime = await openRuntime({ workers, launch });
  try {
    await runtime.ask('stop');
    return { ready: runtime.readyMs };
  } finally {
    await runtime.close();
  }
}

/** From SIGKILL of the only worker until its replacement has answered, so many times. */
export async function visitCrashes(launch, times) {
  // The pause before a second crash in a row is there on purpose; what is measured is everything else.
  const restart = { backoff: { initial: 0, max: 0 }, maxRestarts: 1_000 };
  const runtime = await openRuntime({ workers: 1, launch, restart });
  try {
    const elapsed = [];
    for (let time = 0; time < times; time++) {
      elapsed.push((await runtime.ask('crash')).elapsedMs);
    }
    return elapsed;
  } finally {
    await runtime.close();
  }
}

async function watchIdle(runtime, pids, idleMs) {
  const before = {
    runtime: cpuMsOf([runtime.pid]),
    python: cpuMsOf(pids),
    atMs: performance.now(),
  };
  await sleep(idleMs);
  const elapsedMs = performance.now() - before.atMs;
  return {
    runtimeCpu: ((cpuMsOf([runtime.pid]) - before.runtime) / elapsedMs) * 100,
    pythonCpu: ((cpuMsOf(pids) - before.python) / elapsedMs) * 100,
    pings: (pids.length * idleMs) / 2_000,
  };
}
