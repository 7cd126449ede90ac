import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load, payload } from '../load.mjs';
import { python } from '../settings.mjs';

const program = fileURLToPath(new URL('bare_processes.py', import.meta.url));

/**
 * The same load on so many bare Python processes, with nothing around them: what the machine itself loses when calls
 * wake many processes instead of few. Calls go round; a process has one at a time, as a worker has, or, pipelined, all
 * that are for it in one turn in one piece.
 *
 * @param {number} count
 * @param {{ name: string, calls: number, milliseconds?: number, isPipelined?: boolean }[]} loads One after the other.
 * @param {number} inFlight
 * @returns {Promise<Record<string, number>>} Calls a second, by name.
 */
export async function bareThroughput(count, loads, inFlight) {
  const directory = mkdtempSync(join(tmpdir(), 'snakepit-bench-'));
  const path = join(directory, 'bare.sock');
  const peers = [];
  const server = createServer((socket) => peers.push(openPeer(socket)));
  server.listen({ path, backlog: count });
  await once(server, 'listening');
  const parent = spawn(python, [program, path, String(count)], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const ended = once(parent, 'exit');
  try {
    while (peers.length < count) await once(server, 'connection');
    const figures = {};
    for (const { name, calls, milliseconds, isPipelined = false } of loads) {
      const give = isPipelined ? goRound(peers) : oneAtATime(peers);
      const call = () => give(request(milliseconds));
      await load(Math.max(count, Math.round(calls / 10)), inFlight, call);
      figures[name] = (await load(calls, inFlight, call)).perSecond;
    }
    return figures;
  } finally {
    parent.stdin.end();
    await ended;
    server.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

function request(milliseconds) {
  if (milliseconds === undefined) return { tool: 'echo', args: { text: payload } };
  return { tool: 'work', args: { text: payload, milliseconds } };
}

function goRound(peers) {
  let next = 0;
  return (call) => peers[next++ % peers.length](call);
}

/** The one that has been free longest is next; calls wait while none is. */
function oneAtATime(peers) {
  const free = [...peers];
  const waiting = [];
  const run = async (call) => {
    const peer = free.shift() ?? (await new Promise((resolve) => waiting.push(resolve)));
    const result = await peer(call);
    const next = waiting.shift();
    if (next === undefined) free.push(peer);
    else next(peer);
    return result;
  };
  return run;
}

/** @returns {(request: object) => Promise<string>} */
function openPeer(socket) {
  const waiting = [];
  let id = 0;
  let isFlushing = false;
  let text = '';
  let rest = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    for (const line of lines) waiting.shift()(JSON.parse(line).result);
  });
  // It is killed at the end.
  socket.on('error', () => undefined);
  return ({ tool, args }) =>
    new Promise((resolve) => {
      waiting.push(resolve);
      text += `${JSON.stringify({ id: (id += 1), tool, args })}\n`;
      if (isFlushing) return;
      isFlushing = true;
      queueMicrotask(() => {
        socket.write(text);
        text = '';
        isFlushing = false;
      });
    });
}
