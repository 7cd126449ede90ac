import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger } from '@snakepit/core';
import { Snakepit } from 'snakepit';
import { batchesOf, scoreAll } from './scoring.mjs';
import { findSurvivors } from './survivors.mjs';

const POOL = 'digits';
/** Variable by which every process of this run can be found, whoever started it. */
const MARKER = 'SNAKEPIT_DIGITS_DEMO';
/** How long a killed worker may take to come back. */
const COMEBACK_MS = 30_000;

/**
 * @typedef {object} Report
 * @property {number} calls calls that were made of Python
 * @property {number} failed calls that came back with an error
 * @property {number} retried calls that were done again because their worker had died
 * @property {number[]} labels the digit that each image shows
 * @property {(number | undefined)[]} seen the digit that was recognised in each image
 * @property {number} workers
 * @property {number} restarts
 * @property {number[]} pids every operating system process of a worker that was seen
 * @property {number[]} survivors processes of this run that are still there
 * @property {number} elapsedMs
 */

/**
 * Trains, scores, kills, waits for the comeback, stops, and looks for what is left.
 *
 * @param {import('./options.mjs').Options} options
 * @param {import('./view.mjs').View} view
 * @param {AbortSignal} interrupted
 * @returns {Promise<Report>}
 */
export async function runDemo(options, view, interrupted) {
  const startedAtMs = performance.now();
  const token = randomBytes(8).toString('hex');
  /** @type {Set<number>} */
  const pids = new Set();
  const survivors = () => findSurvivors({ marker: `${MARKER}=${token}`, pids });
  try {
    const snakepit = await start(options, view, token);
    try {
      watchWorkers(snakepit, view, pids);
      view.watch(snakepit);
      const { labels, seen } = await classify(snakepit, options, view, interrupted);
      const stats = snakepit.stats();
      view.note('stopping');
      await snakepit.stop();
      return {
        calls: stats.accepted,
        failed: stats.failed + stats.cancelled,
        retried: stats.retried,
        labels,
        seen,
        workers: options.workers,
        restarts: stats.pools[POOL]?.workers.restarts ?? 0,
        pids: [...pids],
        survivors: survivors(),
        elapsedMs: Math.round(performance.now() - startedAtMs),
      };
    } finally {
      await snakepit.stop();
    }
  } finally {
    if (interrupted.aborted) {
      view.note(`stopped; processes left: ${survivors().join(', ') || 'none'}`);
    }
  }
}

/**
 * @param {import('./options.mjs').Options} options
 * @param {import('./view.mjs').View} view
 * @param {string} token
 */
function start(options, view, token) {
  view.note(`starting ${options.workers} Python workers`);
  return Snakepit.start({
    pools: [
      {
        name: POOL,
        size: options.workers,
        // Where that is possible scikit-learn is imported once, and each worker is a copy of that process.
        launch: 'auto',
        adapter: 'digits_adapter.DigitsAdapter',
        cwd: import.meta.dirname,
        env: { [MARKER]: token },
      },
    ],
    // The runtime would report the crash that is caused here on purpose; the tree shows it.
    logger: silentLogger,
  });
}

/**
 * @param {Snakepit} snakepit
 * @param {import('./options.mjs').Options} options
 * @param {import('./view.mjs').View} view
 * @param {AbortSignal} signal
 */
async function classify(snakepit, options, view, signal) {
  /** @type {{ labels: number[], folds: number[] }} */
  const { labels, folds } = await snakepit.execute('dataset', {}, { signal });
  view.note('training two models, each on the half that the other one will be asked about');
  const models = await Promise.all(
    [...new Set(folds)].sort().map((fold) => train(snakepit, fold, signal)),
  );
  const batches = batchesOf(folds, options.batch);
  view.note(`scoring ${labels.length} images in ${batches.length} calls`);
  /** @type {Promise<void> | undefined} */
  let comeback;
  const seen = await scoreAll(snakepit, {
    batches,
    models,
    paceMs: options.paceMs,
    signal,
    lanes: options.workers * 2,
    onProgress: (done) => {
      view.progress(done, batches.length);
      if (done < batches.length / 2 || comeback) return;
      comeback = killOne(snakepit, view, signal);
      // Awaited below; by then the calls may have failed first.
      comeback.catch(() => undefined);
    },
  });
  await comeback;
  return { labels, seen };
}

/**
 * @param {Snakepit} snakepit
 * @param {number} fold
 * @param {AbortSignal} signal
 * @returns {Promise<import('./scoring.mjs').Model>}
 */
function train(snakepit, fold, signal) {
  return snakepit.execute('train', { fold }, { signal });
}

/**
 * Kills a worker that is executing a batch, as the kernel's memory killer would, and waits until it is back.
 *
 * @param {Snakepit} snakepit
 * @param {import('./view.mjs').View} view
 * @param {AbortSignal} signal
 */
async function killOne(snakepit, view, signal) {
  const victim = snakepit.workers().find(({ inFlight, osPid }) => inFlight > 0 && osPid);
  if (victim?.osPid === undefined) {
    throw new Error('no worker is executing a batch: use a smaller --batch');
  }
  process.kill(victim.osPid, 'SIGKILL');
  view.note(`SIGKILL to ${victim.id} (pid ${victim.osPid}) while it executes a batch`);
  const killedAtMs = performance.now();
  for (;;) {
    await delay(10, undefined, { signal });
    const now = snakepit.workers().find(({ id }) => id === victim.id);
    const tookMs = Math.round(performance.now() - killedAtMs);
    if (now && now.osPid !== victim.osPid && now.state.startsWith('ready')) {
      view.note(`${now.id} serves again as pid ${now.osPid}, ${tookMs} ms after the kill`);
      view.watch(snakepit);
      return;
    }
    if (tookMs > COMEBACK_MS) throw new Error(`${victim.id} did not come back (${now?.state})`);
  }
}

/**
 * @param {Snakepit} snakepit
 * @param {import('./view.mjs').View} view
 * @param {Set<number>} pids receives every process that is or was a worker
 */
function watchWorkers(snakepit, view, pids) {
  for (const { osPid } of snakepit.workers()) if (osPid !== undefined) pids.add(osPid);
  const { telemetry } = snakepit.system;
  telemetry.on('snakepit.worker.started', (_, { osPid }) => {
    if (osPid !== undefined) pids.add(osPid);
  });
  telemetry.on('snakepit.worker.terminated', (_, { workerId, osPid, reason }) => {
    if (reason === 'WORKER_CRASHED') view.note(`${workerId} is gone (pid ${osPid}: ${reason})`);
  });
}
