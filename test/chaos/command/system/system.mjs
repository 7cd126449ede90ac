// The system that is attacked: a program that runs Snakepit under load, as a user's does. Its argument is JSON:
// { config, seed, quiet }. It says what happens, one line of JSON each, with the monotonic time of the machine; and it
// obeys one line of JSON each on its stdin.
import { openSync, closeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { silentLogger } from '@snakepit/core';
import { Snakepit } from '@snakepit/python-bridge';
import { shiftClock } from './clock.mjs';
import { Load } from './load.mjs';

const { config, seed } = JSON.parse(process.argv[2]);
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
const say = (event, more = {}) => {
  process.stdout.write(`${JSON.stringify({ event, atMs: nowMs(), ...more })}\n`);
};
const report = (text) => say('report', { text });
const logger = { ...silentLogger, warn: report, error: report };

/** Ways of this program to end, none of which asks anybody. */
const deaths = {
  abort: () => process.abort(),
  exit: () => process.exit(7),
  uncaught: () => {
    setTimeout(() => {
      throw new Error('uncaught on purpose');
    });
  },
  rejection: () => void Promise.reject(new Error('rejected on purpose')),
  heap: () => {
    const hoard = [];
    for (;;) hoard.push(new Array(100_000).fill(hoard.length));
  },
};

const acts = {
  load: ({ width }) => load.begin(width),
  quiet: async () => {
    await load.end();
    say('quiet', load.counts);
  },
  call: ({ id, tool, args, options }) => {
    load.call(tool, args, options).then(
      (value) => say('answered', { id, value }),
      (error) => say('failed', { id, code: error.code }),
    );
  },
  stop: async ({ timeout }) => {
    say('stopping');
    await snakepit.stop(timeout === undefined ? {} : { timeout });
    say('stopped', load.counts);
    process.exit(0);
  },
  die: ({ how }) => deaths[how](),
  block: ({ ms }) => {
    const end = nowMs() + ms;
    while (nowMs() < end);
    say('unblocked');
  },
  shiftClock: ({ ms }) => shiftClock(ms),
  exhaustDescriptors: ({ ms }) => {
    const taken = [];
    try {
      for (;;) taken.push(openSync('/dev/null'));
    } catch {
      say('exhausted', { taken: taken.length });
    }
    setTimeout(() => taken.forEach(closeSync), ms);
  },
  workers: () => say('workers', { workers: snakepit.workers() }),
};

say('starting');
const snakepit = await Snakepit.start({ ...config, logger });
const load = new Load({ snakepit, seed, onLost: (call) => say('lost', call) });
const osPidOf = (id) => snakepit.workers().find((worker) => worker.id === id)?.osPid;
const { telemetry } = snakepit.system;
telemetry.on('snakepit.worker.started', (_, { workerId, osPid }) => {
  say('workerStarted', { workerId, osPid });
});
telemetry.on('snakepit.worker.terminated', (_, { workerId, osPid, means, exitCode }) => {
  say('workerEnded', { workerId, osPid, means, exitCode });
});
telemetry.on('snakepit.worker.heartbeat.failed', (_, { workerId }) => {
  say('workerSick', { workerId, osPid: osPidOf(workerId) });
});
telemetry.on('snakepit.worker.failed', (_, { workerId, error }) => {
  say('workerGivenUp', { workerId, text: error.message });
});
telemetry.on('snakepit.forkserver.started', (_, { osPid }) => say('serverStarted', { osPid }));
telemetry.on('snakepit.forkserver.died', (_, { osPid, reason }) => {
  say('serverEnded', { osPid, reason });
});
telemetry.on('snakepit.forkserver.hung', (_, { osPid, reason }) => {
  say('serverSick', { osPid, reason });
});
say('started', { workers: snakepit.workers() });
for await (const line of createInterface({ input: process.stdin })) {
  const { act, ...more } = JSON.parse(line);
  void acts[act](more);
}
