/**
 * Very many workers of which nothing is asked but signs of life, for minutes: what they cost, and whether one of them is
 * taken for dead.
 *
 * Usage: npm run steady -- [--workers N] [--minutes M] [--launch fork|spawn] [--out FILE]
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openRuntime } from './scale/open-runtime.mjs';
import { cpuMsOf, descriptorsOf, pssOf, roomFor } from './scale/processes.mjs';

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '1000' },
    minutes: { type: 'string', default: '10' },
    launch: { type: 'string', default: 'fork' },
    out: { type: 'string' },
  },
});
const workers = numberIn('workers', 1, 5_000);
const minutes = numberIn('minutes', 0.1, 600);
const { launch } = values;
if (launch !== 'fork' && launch !== 'spawn') fail(`--launch is ${launch}; give fork or spawn`);
const { most, by } = roomFor(launch);
if (workers > most) fail(`only ${most} of ${workers} workers fit here, because of ${by}`);

// An exit in order takes along what was started; the signals' own way does not.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
const sampleMs = Math.min(60_000, minutes * 60_000);
const samples = [];
const runtime = await openRuntime({ workers, launch });
try {
  const startMs = performance.now();
  let before = look();
  while (performance.now() - startMs < minutes * 60_000 - 1_000) {
    await sleep(Math.min(sampleMs, startMs + minutes * 60_000 - performance.now()));
    const now = look();
    samples.push(await sampleOf(before, now, startMs));
    console.error(JSON.stringify(samples.at(-1)));
    // What looking takes is no part of the next minute.
    before = look();
  }
  const { elapsedMs: stopMs } = await runtime.ask('stop');
  const left = runtime.carriers().length;
  const report = { ...summary(), stopMs: Math.round(stopMs), left, samples };
  const text = JSON.stringify(report, null, 2);
  if (values.out !== undefined) writeFileSync(values.out, `${text}\n`);
  console.log(text);
  process.exitCode = report.falseVerdicts + report.ends + left === 0 ? 0 : 1;
} finally {
  await runtime.close();
}

function look() {
  const pids = runtime.carriers();
  return {
    pids,
    atMs: performance.now(),
    runtimeMs: cpuMsOf([runtime.pid]),
    pythonMs: cpuMsOf(pids),
  };
}

async function sampleOf(before, now, startMs) {
  const elapsedMs = now.atMs - before.atMs;
  const percent = (usedMs) => Math.round((usedMs / elapsedMs) * 10_000) / 100;
  const { verdicts, misses, ends, health } = await runtime.ask('counts');
  return {
    atS: Math.round((now.atMs - startMs) / 1000),
    runtimeCpu: percent(now.runtimeMs - before.runtimeMs),
    pythonCpu: percent(now.pythonMs - before.pythonMs),
    runtimeMB: Math.round(pssOf([runtime.pid]) / 2 ** 20),
    pythonMB: Math.round(pssOf(now.pids) / 2 ** 20),
    processes: now.pids.length,
    descriptors: descriptorsOf(runtime.pid),
    falseVerdicts: verdicts,
    ...{ misses, ends, health },
  };
}

function summary() {
  const median = (key) =>
    samples.map((sample) => sample[key]).sort((a, b) => a - b)[samples.length >> 1];
  const first = samples[0] ?? {};
  const last = samples.at(-1) ?? {};
  const keys = ['runtimeMB', 'pythonMB', 'descriptors', 'processes'];
  return {
    ...{ workers, launch, minutes },
    machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}`,
    readyMs: Math.round(runtime.readyMs),
    runtimeCpu: median('runtimeCpu'),
    pythonCpu: median('pythonCpu'),
    pythonMBEach: Math.round((100 * last.pythonMB) / workers) / 100,
    growth: Object.fromEntries(keys.map((key) => [key, last[key] - first[key]])),
    falseVerdicts: last.falseVerdicts,
    misses: last.misses,
    ends: last.ends,
  };
}

function numberIn(name, least, greatest) {
  const value = Number(values[name]);
  if (value >= least && value <= greatest) return value;
  return fail(`--${name} is ${values[name]}; give a number from ${least} to ${greatest}`);
}

function fail(text) {
  console.error(text);
  process.exit(2);
}
