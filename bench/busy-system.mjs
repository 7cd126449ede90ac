// A system that somebody looks at, for visualiser.mjs: prints its address, and goes on until it is killed.
import {
  createSystem,
  defineServer,
  exitReason,
  noreply,
  ok,
  reply,
  silentLogger,
} from '@snakepit/core';
import { observe } from '@snakepit/observer';

const perGroup = 100;
/** Of so many events one is an end and a start: one in a hundred. */
const deathEvery = 100;
const tickMs = 50;

const [processes, events] = process.argv.slice(2).map(Number);

const keeper = defineServer({
  name: 'keeper',
  init: (kept) => ok(kept),
  cast: { keep: (_, kept) => noreply(kept) },
});
const group = defineServer({
  name: 'group',
  init: () => ok(null),
  call: { spawn: (state, index, self) => reply(self.spawn(keeper, index), state) },
});

const system = createSystem({ logger: silentLogger });
const groups = [];
for (let count = 0; count < processes / perGroup; count += 1) {
  groups.push(await system.start(group, undefined, { name: `group ${count}` }));
}
const keepers = [];
for (const one of groups) {
  for (let count = 0; count < perGroup; count += 1) {
    keepers.push({ group: one, pid: await one.call.spawn(count) });
  }
}
const { url } = await observe(system, { actions: true });
console.log(url);

let happened = 0;
const perTick = Math.max(1, Math.round((events * tickMs) / 1_000));
setInterval(() => {
  for (let count = 0; count < perTick; count += 1) {
    happened += 1;
    const keeperOf = keepers[Math.floor(Math.random() * keepers.length)];
    if (happened % deathEvery === 0) void replace(keeperOf);
    else system.cast(keeperOf.pid, { type: 'keep', arg: happened });
  }
}, tickMs);

async function replace(one) {
  system.exit(one.pid, exitReason.custom('its time had come'));
  one.pid = await one.group.call.spawn(0);
}
