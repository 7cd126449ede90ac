import { once } from 'node:events';
import net from 'node:net';
import { quantile } from '../harness.mjs';
import { check } from './measure.mjs';

const periodMs = 10;

/**
 * How late a timer of 10 ms comes and how long a socket's echo takes while something else runs in this process.
 *
 * @param {number} durationMs How long to look.
 * @returns {Promise<{ timerP99: number, echoP99: number }>} In milliseconds.
 */
export async function lagBeside(durationMs) {
  const server = net.createServer((socket) => socket.pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect(server.address().port, '127.0.0.1');
  await once(client, 'connect');
  const echoes = [];
  client.on('data', (data) => {
    for (let at = 0; at < data.length; at += 8) {
      echoes.push(performance.now() - data.readDoubleLE(at));
    }
  });
  const late = await timerLateness(durationMs, () => {
    const stamp = Buffer.alloc(8);
    stamp.writeDoubleLE(performance.now());
    client.write(stamp);
  });
  client.end();
  await once(client, 'close');
  server.close();
  check(echoes.length, late.length, 'echoes');
  return { timerP99: quantile(late, 0.99), echoP99: quantile(echoes, 0.99) };
}

function timerLateness(durationMs, onTick) {
  return new Promise((resolve) => {
    const late = [];
    const endMs = performance.now() + durationMs;
    let dueMs = performance.now() + periodMs;
    const tick = () => {
      const nowMs = performance.now();
      late.push(nowMs - dueMs);
      onTick();
      if (nowMs >= endMs) {
        resolve(late);
        return;
      }
      dueMs = nowMs + periodMs;
      setTimeout(tick, periodMs);
    };
    setTimeout(tick, periodMs);
  });
}
