import { setImmediate } from 'node:timers/promises';
import { createSystem, defineServer, noreply, ok, silentLogger } from '@snakepit/core';
import { inTurn, toRow } from '../harness.mjs';

/** Messages that are sent before the event loop has its turn. */
const burst = 1_000;

const counter = defineServer({ init: () => ok(0), cast: { add: (count) => noreply(count + 1) } });

/** What it costs a message that does nothing that messages are recorded, or that another process is watched. */
export async function records({ rounds, scale }) {
  const messages = Math.round(2_000_000 * scale);
  const side = (begin) => ({ measure: () => costOf(messages, begin) });
  const { perCpuSecond } = await inTurn(rounds, {
    off: side(() => () => undefined),
    watched: side((system, other) => system.records.watch(other, () => undefined)),
    recorded: side((system) => system.records.recordMessages()),
  });
  const row = (name, by, goal) =>
    toRow(
      `casts while ${name}: per second of CPU time`,
      'casts/s',
      { ours: perCpuSecond[by], peer: perCpuSecond.off },
      { against: 'ours unseen', ...(goal && { goal }) },
    );
  return [
    row('another process is watched', 'watched', {
      text: '≥ 0.95 ×',
      isMet: ({ ratio }) => ratio >= 0.95,
    }),
    row('all messages are recorded', 'recorded'),
  ];
}

async function costOf(messages, begin) {
  const system = createSystem({ logger: silentLogger });
  const { pid } = await system.start(counter);
  const other = await system.start(counter);
  const end = begin(system, other.pid);
  const before = process.cpuUsage();
  for (let sent = 0; sent < messages; sent += burst) {
    for (let count = 0; count < burst; count += 1) system.cast(pid, { type: 'add' });
    await setImmediate();
  }
  const used = process.cpuUsage(before);
  end();
  await system.stop();
  return { perCpuSecond: messages / ((used.user + used.system) / 1e6) };
}
