import { createTelemetry, silentLogger } from '@snakepit/core';
import { attachDefaultHandlers, Snakepit } from 'snakepit';
import { inTurn, toRow } from '../harness.mjs';
import { load, payload } from '../load.mjs';
import { benchAdapter, python } from '../settings.mjs';

const event = 'snakepit.worker.heartbeat.received';
const measurements = { count: 1, latencyMs: 1.5 };
const metadata = { pool: 'default', workerId: 'default_worker_1', path: 'beats' };

/** What an event costs with and without somebody who hears it, and what listening to all events of calls adds to a call. */
export async function events({ rounds, scale }) {
  return [...(await emitting(rounds, scale)), ...(await calling(rounds, scale))];
}

async function emitting(rounds, scale) {
  const count = Math.round(1_000_000 * scale);
  const sides = {
    unheard: createTelemetry(),
    disabled: createTelemetry(),
    heard: createTelemetry(),
    logged: createTelemetry(),
  };
  let sum = 0;
  const hear = ({ latencyMs }) => {
    sum += latencyMs;
  };
  sides.heard.on(event, hear);
  sides.disabled.on(event, hear);
  sides.disabled.disable('snakepit.worker.*');
  const description = { description: '', level: 'info', measurements: {}, metadata: {} };
  sides.logged.describe({ [event]: description });
  attachDefaultHandlers({ telemetry: sides.logged, logger: silentLogger });
  const toSide = (telemetry) => ({
    measure: () => {
      const began = performance.now();
      for (let n = 0; n < count; n++) {
        if (telemetry.enabled(event)) telemetry.emit(event, measurements, metadata);
      }
      return { each: ((performance.now() - began) * 1000) / count };
    },
  });
  const figures = await inTurn(
    rounds,
    Object.fromEntries(Object.entries(sides).map(([name, bus]) => [name, toSide(bus)])),
  );
  if (sum === 0) throw new Error('nobody heard anything');
  const { each } = figures;
  const against = 'without a listener';
  const goal = { text: '≤ 5 µs', isMet: ({ ours }) => ours <= 5 };
  const row = (name, ours) => toRow(name, 'µs', { ours, peer: each.unheard }, { against, goal });
  return [
    row('an event with a listener', each.heard),
    row('an event with a listener, disabled', each.disabled),
    row('an event for the default log handler', each.logged),
  ];
}

async function calling(rounds, scale) {
  const start = () =>
    Snakepit.start({
      pools: [{ name: 'default', size: 1, concurrency: 64, python, ...benchAdapter }],
    });
  const [heard, unheard] = [await start(), await start()];
  const names = ['start', 'stop'].map((what) => `snakepit.grpc_worker.execute.${what}`);
  heard.system.telemetry.attachMany(
    [...names, 'snakepit.pool.call.dispatched', 'snakepit.request.executed'],
    () => undefined,
  );
  try {
    const calls = Math.round(30_000 * scale);
    const side = (snakepit) => ({
      measure: () => load(calls, 64, () => snakepit.execute('echo', { text: payload })),
    });
    const figures = await inTurn(rounds, { ours: side(heard), peer: side(unheard) });
    const against = 'ours without listeners';
    const name = 'a call, 64 in flight, with listeners to its four events: throughput';
    return [toRow(name, 'calls/s', figures.perSecond, { against })];
  } finally {
    await Promise.all([heard.stop(), unheard.stop()]);
  }
}
