import { inTurn, quantile, toRow } from '../harness.mjs';
import { openBareHost } from '../bare-worker.mjs';
import { about } from '../page.mjs';
import { bareThroughput } from '../scale/bare-processes.mjs';
import { toCurve, toCurveText, writeCurve } from '../scale/curve-table.mjs';
import { roomFor } from '../scale/processes.mjs';
import { bareChildMemory } from '../scale/sockets.mjs';
import {
  inFlight,
  visit,
  visitCrashes,
  visitKill,
  visitStart,
  workMilliseconds,
} from '../scale/visit.mjs';
import { warmMemory } from '../scale/warm-memory.mjs';

/** Each round starts very many processes, which takes most of its time. */
const mostRounds = 3;
/** How many of more than a hundred workers. */
const largeRounds = 2;
/** Starts follow each other, so that they are compared on the machine of the same minute. */
const startsInRound = 2;
/** So few are not slowed down by being many; the others are compared with them. */
const few = 4;
const hundred = 100;
const thousand = 1_000;
/** Of which a curve is made besides. */
const smallSizes = [1, few, 16, 64];

/**
 * How pools grow: a hundred workers, three hundred, a thousand.
 *
 * @param {{
 *   rounds: number,
 *   scale: number,
 *   workers?: number,
 *   launch?: 'fork' | 'spawn',
 *   curve?: boolean,
 *   write?: boolean,
 *   note: (text: string) => void,
 * }} options Default is a thousand workers, forked. `curve` takes smaller pools, too, and makes the table of the page on
 *   many workers; `write` puts it there.
 */
export async function scale(options) {
  const { rounds: asked, scale: amount, workers = thousand, launch, note } = options;
  const before = about();
  const modes = launch === undefined ? ['fork', 'spawn'] : [launch];
  const [mode] = modes;
  const { most, by } = roomFor(mode);
  const largest = Math.max(1, Math.min(workers, most));
  if (largest < workers) {
    note(`Of ${workers} workers that were asked for, only ${largest} fit here, because of ${by}`);
  }
  const start = Math.min(hundred, largest);
  const rounds = Math.min(asked, mostRounds);
  // Before this process has anything to throw away.
  const memory = await bareChildMemory();
  const { isCurve, sizes, visits } = await visitAll(mode, largest, { ...options, start, rounds });
  const starts = await startsOf(mode, sizes, rounds * startsInRound);
  const bare = await bareLimits([few, ...sizes], rounds, amount);
  if (isCurve) {
    const table = toCurve(visits);
    console.error(toCurveText(table));
    if (options.write === true) await writeCurve(table, before, { ...options, rounds, mode });
  }
  return [
    ...sizes.flatMap((size) =>
      rowsOf({ workers: size, launch: mode, start, visits, starts, bare, limit: memory }),
    ),
    ...(await crashes(modes, { amount, rounds })),
  ];
}

/** The figures of each number of workers, round by round. */
async function visitAll(launch, largest, { scale: amount, start, rounds, curve = false }) {
  const sizes = [...new Set([start, Math.min(3 * hundred, largest), largest])];
  const small = smallSizes.filter((size) => size < start);
  const all = [...new Set([...(curve ? small : []), few, ...sizes])].sort((a, b) => a - b);
  const visits = new Map(all.map((workers) => [workers, []]));
  for (let round = 0; round < rounds; round++) {
    for (const workers of round % 2 === 0 ? all : all.toReversed()) {
      if (workers > hundred && round >= largeRounds) continue;
      const isLooked = curve || sizes.includes(workers);
      const figures = await visit({ workers, launch, ...planOf(workers, amount, isLooked) });
      const end = isLooked ? await visitKill(workers, launch) : {};
      visits.get(workers).push({ ...figures, ...end });
    }
  }
  return { isCurve: curve, sizes, visits };
}

function planOf(workers, amount, isLooked) {
  const isLarge = workers >= 3 * hundred;
  return {
    // Until what the start has left is thrown away.
    settleMs: isLooked ? (isLarge ? 4_000 : 1_000) * Math.min(1, amount) : 0,
    // Whole intervals of the heartbeat, and two at least: the first may be a little longer, and nothing happens in it.
    idleMs: isLooked ? Math.max(4_000, 2_000 * Math.round((isLarge ? 5 : 3) * amount)) : 0,
    calls: Math.max(200, Math.round(20_000 * amount)),
    works: Math.max(100, Math.round(3_000 * amount)),
  };
}

/** How long each number of workers takes to be ready, in turn. */
async function startsOf(launch, sizes, rounds) {
  const measure = async (size) => {
    await warmMemory(size, launch);
    return visitStart(size, launch);
  };
  const sides = sizes.map((size) => [size, { measure: () => measure(size), rounds }]);
  const { ready } = await inTurn(rounds, Object.fromEntries(sides));
  return ready;
}

/** What the machine itself does with the same calls, round by round. */
async function bareLimits(sizes, rounds, amount) {
  const calls = Math.max(200, Math.round(20_000 * amount));
  const loads = [
    { name: 'oneByOne', calls },
    { name: 'pipelined', calls, isPipelined: true },
  ];
  const limits = new Map(sizes.map((size) => [size, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [size, figures] of limits) {
      figures.push(await bareThroughput(size, loads, inFlight));
    }
  }
  return limits;
}

function rowsOf({ workers, launch, start, visits, starts, bare, limit }) {
  const all = visits.get(workers);
  const first = visits.get(start);
  const named = (what) => `${workers} workers, ${launch}: ${what}`;
  /** Against the smallest number of workers; of its figure so many times as much. */
  const grown = (what, unit, key, goal, times = workers / start) => {
    const ours = valuesOf(all, key);
    const peer = valuesOf(first, key).map((value) => value * times);
    if (ours.length === 0 || peer.length === 0) return [];
    const who = times === 1 ? `${start} workers` : `${times} × that of ${start} workers`;
    return [toRow(named(what), unit, { ours, peer }, { against: who, goal })];
  };
  const ready = { ours: starts[workers], peer: starts[start] };
  const readyAbout = { against: `${start} workers`, goal: readyGoal(workers, start, launch) };
  const isLarge = workers >= thousand;
  const [cpu, whole] = ['CPU of the runtime', '% of a core'];
  return [
    toRow(named('all ready'), 'ms', ready, readyAbout),
    ...grown('memory of Python, each', 'MB', 'pss', pssGoal(launch), 1),
    ...memoryRows(named, workers, start, visits, limit),
    ...grown(`idle, ${cpu}`, whole, 'runtimeCpu', isLarge ? cpuGoal(10) : undefined),
    ...grown('idle, CPU of all Python', whole, 'pythonCpu', isLarge ? cpuGoal(40) : undefined),
    verdictRow(named, all),
    ...grown('stop(), confirmed', 'ms', 'stop', isLarge ? timeGoal(5_000) : undefined),
    ...grown('runtime killed, last one gone', 'ms', 'kill', isLarge ? timeGoal(2_000) : undefined),
    ...spreadRows({ named, workers, visits, bare }),
  ];
}

/**
 * The same calls on many workers and on few: as the pool chooses, and by sessions so that each call is on another worker;
 * and how much of the loss is the machine's.
 */
function spreadRows({ named, workers, visits, bare }) {
  const [all, fewest] = [visits.get(workers), visits.get(few)];
  const goal = { text: '≥ 0.8 ×', isMet: ({ ratio }) => ratio >= 0.8 };
  const against = `${few} workers`;
  const beside = (what, key) => {
    const figures = { ours: valuesOf(all, key), peer: valuesOf(fewest, key) };
    return toRow(named(what), 'calls/s', figures, { against, goal });
  };
  const limits = (key) => ({
    ours: valuesOf(bare.get(workers), key),
    peer: valuesOf(bare.get(few), key),
  });
  const limit = (what, key) =>
    toRow(`${workers} bare processes (limit): ${what}`, 'calls/s', limits(key), {
      against: `${few} bare processes`,
    });
  const computes = (length) => `each computes ${workMilliseconds[length]} ms`;
  const spread = `calls spread over all by sessions, ${inFlight} in flight`;
  const toLimit = { ours: valuesOf(all, 'spreadPerSecond'), peer: limits('oneByOne').ours };
  return [
    beside(`calls, ${inFlight} in flight`, 'perSecond'),
    beside(`the same, ${computes('short')}`, 'worksPerSecond'),
    beside(`the same, ${computes('long')}`, 'longWorksPerSecond'),
    beside(spread, 'spreadPerSecond'),
    toRow(named(spread), 'calls/s', toLimit, { against: 'bare processes (limit)' }),
    limit('calls spread over all, one at a time each', 'oneByOne'),
    limit('the same, pipelined', 'pipelined'),
    beside(`spread over all, ${computes('short')}`, 'spreadWorksPerSecond'),
    beside(`spread over all, ${computes('long')}`, 'spreadLongWorksPerSecond'),
  ];
}

/** What each further worker takes of Node, which shows only between two numbers of them. */
function memoryRows(named, workers, start, visits, limit) {
  if (workers === start) return [];
  const each = (key) => {
    const many = valuesOf(visits.get(workers), key);
    const few = valuesOf(visits.get(start), key);
    return many.map((value, at) => (value - few[at % few.length]) / (workers - start) / 1024);
  };
  const against = 'a child with five sockets';
  const goal = { text: '≤ 100 KB', isMet: ({ ours }) => ours <= 100 };
  const row = (what, key, bytes, about) =>
    toRow(named(what), 'KB', { ours: each(key), peer: [bytes / 1024] }, { against, ...about });
  return [
    row('heap and buffers of Node, each', 'heap', limit.heap, { goal }),
    row('resident memory of Node, each', 'rss', limit.rss, {}),
  ];
}

function verdictRow(named, all) {
  const figures = { ours: valuesOf(all, 'verdicts'), peer: valuesOf(all, 'pings') };
  const goal = { text: 'none', isMet: ({ ours }) => ours === 0 };
  return toRow(named('idle, false verdicts'), 'verdicts', figures, { against: 'pings', goal });
}

function readyGoal(workers, start, launch) {
  if (launch !== 'fork' || start !== hundred) return undefined;
  if (workers === hundred) return timeGoal(1_500);
  if (workers < thousand) {
    return { text: 'linear', isMet: ({ ratio }) => ratio <= (workers / start) * 1.2 };
  }
  return { text: '≤ 20 s and ≤ 12 ×', isMet: ({ ours, ratio }) => ours <= 20_000 && ratio <= 12 };
}

function pssGoal(launch) {
  return launch === 'fork' ? { text: '≤ 6 MB', isMet: ({ ours }) => ours <= 6 } : undefined;
}

function cpuGoal(most) {
  return { text: `≤ ${most} % of a core for all`, isMet: ({ ours }) => ours <= most };
}

function timeGoal(mostMs) {
  return { text: `≤ ${mostMs / 1000} s`, isMet: ({ ours }) => ours <= mostMs };
}

function valuesOf(visits, key) {
  return visits.flatMap((one) => one[key] ?? []);
}

/** The replacement of a worker that was killed, against Python's own start. */
async function crashes(modes, { rounds, amount }) {
  const times = Math.max(3, Math.round(15 * amount));
  const host = await openBareHost();
  try {
    const rows = [];
    for (const launch of modes) {
      const ours = [];
      const peer = [];
      for (let round = 0; round < rounds; round++) {
        ours.push(quantile(await visitCrashes(launch, times), 0.5));
        peer.push(await bareStart(host));
      }
      const goal =
        launch === 'fork'
          ? { text: '≤ 60 ms', isMet: (row) => row.ours <= 60 }
          : { text: '≤ 1.3 ×', isMet: (row) => row.ratio <= 1.3 };
      const name = `SIGKILL of a worker → replacement answers, ${launch}: p50`;
      rows.push(toRow(name, 'ms', { ours, peer }, { against: 'a bare start', goal }));
    }
    return rows;
  } finally {
    await host.close();
  }
}

async function bareStart(host) {
  const startMs = performance.now();
  const { handle } = await host.start();
  const elapsedMs = performance.now() - startMs;
  await handle.signal('kill');
  await handle.exited;
  return elapsedMs;
}
