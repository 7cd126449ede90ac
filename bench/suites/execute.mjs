import { Snakepit } from 'snakepit';
import { createBareClient, openBareHost } from '../bare-worker.mjs';
import { inTurn, toRow } from '../harness.mjs';
import { load, payload } from '../load.mjs';
import { benchAdapter, python } from '../settings.mjs';

const against = 'bare grpc-js';

/**
 * `execute` through pools, in frames and with unary calls, against the bare grpc-js client: one Python server of the same
 * make each, an async tool that gives back what it gets.
 */
export async function execute({ rounds, scale }) {
  const host = await openBareHost();
  const pool = { size: 1, concurrency: 64, python, ...benchAdapter };
  const snakepit = await Snakepit.start({
    pools: [
      { name: 'frames', ...pool },
      { name: 'unary', callPath: 'unary', ...pool },
    ],
  });
  try {
    const client = createBareClient(await host.start());
    const rows = [];
    for (const inFlight of [1, 16, 64]) {
      const side = (most, call) => {
        const calls = Math.round((inFlight === 1 ? most / 5 : most) * scale);
        return { measure: () => load(calls, inFlight, () => call('echo', { text: payload })) };
      };
      const through = (name) => (tool, args) => snakepit.execute(tool, args, { pool: name });
      const figures = await inTurn(rounds, {
        frames: side(30_000, through('frames')),
        unary: side(3_000, through('unary')),
        bare: side(3_000, (tool, args) => client.call(tool, args)),
      });
      rows.push(...rowsOf(inFlight, 'frames', figures), ...rowsOf(inFlight, 'unary', figures));
    }
    client.close();
    return rows;
  } finally {
    await snakepit.stop();
    await host.close();
  }
}

function rowsOf(inFlight, path, { perSecond, p50, p99 }) {
  const of = (figure) => ({ ours: figure[path], peer: figure.bare });
  const name = `execute, ${path}, ${inFlight} in flight`;
  return [
    toRow(`${name}: throughput`, 'calls/s', of(perSecond), {
      against,
      goal: inFlight === 64 ? throughput[path] : undefined,
    }),
    toRow(`${name}: latency p50`, 'ms', of(p50), {
      against,
      goal: inFlight === 1 ? latency[path] : undefined,
    }),
    toRow(`${name}: latency p99`, 'ms', of(p99), {
      against,
      goal: inFlight === 1 && path === 'unary' ? addedLatency : undefined,
    }),
  ];
}

const throughput = {
  frames: { text: '≥ 20 × bare', isMet: ({ ratio }) => ratio >= 20 },
  unary: { text: '≥ 0.95 × bare', isMet: ({ ratio }) => ratio >= 0.95 },
};
const latency = { frames: { text: '≤ 0.4 × bare', isMet: ({ ratio }) => ratio <= 0.4 } };
const addedLatency = {
  text: '< 1 ms more than bare',
  isMet: ({ ours, ratio }) => ours - ours / ratio < 1,
};
