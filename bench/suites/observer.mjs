import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { createSystem, defineServer, ok, reply, silentLogger } from '@snakepit/core';
import { observe } from '@snakepit/observer';
import { inTurn, toRow } from '../harness.mjs';

/** Processes that are there, and those of them that work, without pause. */
const idle = 10_000;
const busy = 200;
/** One more works, which a viewer may have open: of so many rounds of the others in one, about 1,000 times a second. */
const shownEvery = 17;
/** Each round is so many turns of all sides: short ones right after each other see the same machine. */
const turns = 4;

const echo = defineServer({
  name: 'echo',
  init: () => ok(0),
  call: { echo: (state, value) => reply(value, state) },
});

/**
 * A viewer in a process of its own: reads the stream and keeps nothing of it. Has one process open, if there is one, as
 * the page has: watches its messages, and asks for its details twice a second.
 */
const viewer = `
const [origin, token, pid] = process.argv.slice(1);
const authorization = 'Bearer ' + token;
const live = await fetch(origin + '/api/live?viewer=bench', { headers: { authorization } });
if (pid !== '') {
  const body = JSON.stringify({ viewer: 'bench', pids: [Number(pid)] });
  const headers = { authorization, 'content-type': 'application/json' };
  await fetch(origin + '/api/watch', { method: 'POST', headers, body });
  const ask = async () => {
    await (await fetch(origin + '/api/actor?pid=' + pid, { headers })).text();
    setTimeout(again, 500);
  };
  const again = () => void ask().catch(() => process.exit());
  await ask();
}
let isKnown = false;
for await (const piece of live.body) {
  if (isKnown || !Buffer.from(piece).includes(']}\\n')) continue;
  isKnown = true;
  console.log('looking');
}
process.exit();
`;

/** What it costs everybody else that somebody may look, looks at the tree, or has one process open. */
export async function observer({ rounds, scale }) {
  const system = createSystem({ logger: silentLogger });
  for (let count = 0; count < idle; count += 1) system.spawn(echo);
  const servers = [];
  for (let count = 0; count < busy; count += 1) servers.push(await system.start(echo));
  const shown = await system.start(echo);
  const calls = Math.round((8_000_000 * scale) / turns);
  const work = async () => {
    // What it took to begin, a table of all processes above all, is not what it costs to go on.
    await cpuOf(calls / 5, servers, shown);
    return cpuOf(calls, servers, shown);
  };
  try {
    const watched = { nobody: undefined, tree: '', focus: String(shown.pid.id) };
    const sides = Object.entries(watched).map(([name, pid]) => [
      name,
      { measure: () => looking(system, pid, work) },
    ]);
    const figures = await inTurn(rounds * turns, {
      peer: { measure: work },
      ...Object.fromEntries(sides),
    });
    const { perCpuSecond } = figures;
    const row = (name, side, least) =>
      toRow(
        `observer of ${(idle + busy + 1).toLocaleString('en')} processes, ${name}: calls of CPU time`,
        'calls/s',
        { ours: perCpuSecond[side], peer: perCpuSecond.peer },
        {
          against: 'ours without an observer',
          goal: { text: `≥ ${least} ×`, isMet: ({ ratio }) => ratio >= least },
        },
      );
    return [
      row('nobody looking', 'nobody', 0.98),
      row('one page on the tree', 'tree', 0.95),
      row('one process in focus', 'focus', 0.95),
    ];
  } finally {
    await system.stop();
  }
}

/** Works while somebody may look, or does. */
async function looking(system, pid, work) {
  const { url, close } = await observe(system);
  const { origin, hash } = new URL(url);
  const args = ['--input-type=module', '--eval', viewer, origin, hash.slice('#token='.length)];
  const reader = pid === undefined ? undefined : spawn(process.execPath, [...args, pid]);
  try {
    if (reader !== undefined) await once(createInterface(reader.stdout), 'line');
    return await work();
  } finally {
    await close();
    if (reader !== undefined && reader.exitCode === null) await once(reader, 'exit');
  }
}

/** Calls a second of CPU time; the machine's other work is not in it. The host gets its turn as it would from I/O. */
async function cpuOf(calls, servers, shown) {
  const before = process.cpuUsage();
  for (let made = 0, round = 0; made < calls; round += 1) {
    const burst = round % shownEvery === 0 ? [shown.call.echo(round)] : [];
    for (const server of servers) burst.push(server.call.echo(made++));
    await Promise.all(burst);
    await setImmediate();
  }
  const { user, system } = process.cpuUsage(before);
  return { perCpuSecond: calls / ((user + system) / 1e6) };
}
