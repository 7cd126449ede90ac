/**
 * One page on a system of 10,000 processes in which 1,000 things happen a second: how soon it is there, how smoothly it
 * scrolls, and whether it grows while somebody looks at all its screens.
 *
 * Usage: npm run bench:page -- [--minutes M] [--processes N] [--events N] [--json]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const screens = ['#/overview', '#/machines', '#/time', '#/pools', '#/incidents', '#/tree'];
/** How long a screen is looked at on each round, and how long it is scrolled, in milliseconds. */
const lookMs = 2_000;
const scrollMs = 4_000;
/** What is kept of the past fills for some minutes: from here on nothing may grow, by more than chance. */
const mostGrowth = 1.2;
const goals = { firstMs: 2_000, framesPerSecond: 30 };

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    processes: { type: 'string', default: '10000' },
    events: { type: 'string', default: '1000' },
    json: { type: 'boolean', default: false },
  },
});
const [minutes, processes, events] = ['minutes', 'processes', 'events'].map((name) => {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value > 0) return value;
  console.error(`--${name} ${values[name]}: not a whole number above 0`);
  process.exit(2);
});

const busy = spawn(
  process.execPath,
  [fileURLToPath(new URL('busy-system.mjs', import.meta.url)), String(processes), String(events)],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
// An exit in order takes along what was started; the signals' own way does not.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
process.once('exit', () => busy.kill());
const [url] = await once(createInterface(busy.stdout), 'line');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
try {
  report(await measure(url));
} finally {
  await browser.close();
  busy.kill();
}

async function measure(address) {
  const page = await browser.newPage({ viewport: { width: 1360, height: 820 } });
  page.on('pageerror', (error) => console.error(`the page: ${error.message}`));
  const began = performance.now();
  await page.goto(address);
  await page.locator('.health').waitFor();
  const firstMs = performance.now() - began;
  const browserSide = await page.context().newCDPSession(page);
  await browserSide.send('HeapProfiler.enable');
  const framesPerSecond = await scroll(page);
  const heap = [await heapOf(browserSide)];
  for (let minute = 1; minute <= minutes; minute += 1) {
    const untilMs = performance.now() + 60_000;
    for (const screen of screens) {
      await page.evaluate(`location.hash = ${JSON.stringify(screen)}`);
      await sleep(lookMs);
    }
    await sleep(Math.max(0, untilMs - performance.now()));
    heap.push(await heapOf(browserSide));
    if (!values.json) console.error(`minute ${minute}: ${inMb(heap.at(-1))}`);
  }
  return { firstMs, framesPerSecond, heap };
}

/** Frames a second while the tree is scrolled. */
async function scroll(page) {
  await page.evaluate(`location.hash = '#/tree?q=path%3A*'`);
  await page.locator('.row[data-path]:visible').first().waitFor();
  const frames = await page.evaluate(`new Promise((done) => {
    const tree = document.getElementById('tree');
    const began = performance.now();
    let frames = 0;
    const step = (now) => {
      frames += 1;
      tree.scrollTop += 37;
      if (now - began < ${scrollMs}) requestAnimationFrame(step);
      else done(frames);
    };
    requestAnimationFrame(step);
  })`);
  return frames / (scrollMs / 1_000);
}

/** Bytes that are in use once everything that can be let go of is. */
async function heapOf(browserSide) {
  await browserSide.send('HeapProfiler.collectGarbage');
  return (await browserSide.send('Runtime.getHeapUsage')).usedSize;
}

function report({ firstMs, framesPerSecond, heap }) {
  // The past is filled by the middle at the latest: of ten minutes it is ten minutes, or what has room.
  const middle = heap[Math.floor(heap.length / 2)];
  const growth = heap.at(-1) / middle;
  const rows = [
    { name: 'first picture', value: firstMs, unit: 'ms', isMet: firstMs <= goals.firstMs },
    {
      ...{ name: 'frames while scrolling', value: framesPerSecond, unit: 'frames/s' },
      isMet: framesPerSecond >= goals.framesPerSecond,
    },
    {
      ...{ name: 'memory, last minute to the middle', value: growth, unit: '×' },
      isMet: growth <= mostGrowth,
    },
  ];
  if (values.json) console.log(JSON.stringify({ processes, events, minutes, heap, rows }));
  else {
    console.log(`${processes} processes, ${events} events/s, ${minutes} minutes`);
    for (const { name, value, unit, isMet } of rows) {
      console.log(`  ${name}: ${value.toFixed(2)} ${unit} (${isMet ? 'met' : 'not met'})`);
    }
    console.log(`  memory in use, each minute: ${heap.map(inMb).join(', ')}`);
  }
  process.exitCode = rows.every(({ isMet }) => isMet) ? 0 : 1;
}

function inMb(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
