// A runtime reduced to its calls in frames: whoever connects is taken for a worker, and is called. It lives until its
// stdin ends; each line there is answered with what it has seen.
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type {
  CallListener,
  ToolCall,
} from '../../../packages/python-bridge/src/bridge/call-path.ts';
import { createFramesClient } from '../../../packages/python-bridge/src/bridge/frames/frames-client.ts';
import { createSystem, silentLogger } from '@snakepit/core';

const [path = ''] = process.argv.slice(2);
const seen = { connections: 0, good: 0, settled: 0, violations: [] as string[] };

/** Hears one call, and tells when it is told more than once, or nothing. */
class Hearer implements CallListener {
  settledTimes = 0;
  releasedTimes = 0;

  settled(error: Error | undefined): void {
    this.settledTimes += 1;
    seen.settled += 1;
    if (error === undefined) seen.good += 1;
  }

  released(): void {
    this.releasedTimes += 1;
    if (this.settledTimes !== 1) seen.violations.push('released before it was settled');
  }

  chunk(): void {
    if (this.settledTimes > 0) seen.violations.push('a chunk after the end');
  }
}

const argumentsOf = { json: { a: '1' }, attachments: [], binary: {} };
const calls: readonly ToolCall[] = [
  { tool: 'plain', arguments: argumentsOf },
  { tool: 'stream', arguments: argumentsOf, stream: { credit: 3 } },
  { tool: 'given up', arguments: argumentsOf },
  { tool: 'stream given up', arguments: argumentsOf, stream: { credit: 1 } },
];

const { clock } = createSystem({ logger: silentLogger });
const server = createServer((stream) => {
  seen.connections += 1;
  const client = createFramesClient({ stream, clock });
  const hearers = calls.map((call, index) => {
    const hearer = new Hearer();
    const running = client.begin(call, { timeoutMs: Infinity }, hearer);
    if (index > 1) setTimeout(() => running.cancel(new Error('given up')), 20);
    if (index === 1) setTimeout(() => running.grant(2), 10);
    return hearer;
  });
  client.ping({ deadlineMs: 1_000 }).catch(() => undefined);
  stream.once('close', () => {
    setTimeout(() => {
      for (const { settledTimes, releasedTimes } of hearers) {
        if (settledTimes !== 1) seen.violations.push(`settled ${settledTimes} times`);
        if (releasedTimes !== 1) seen.violations.push(`released ${releasedTimes} times`);
      }
    }, 50);
  });
});
server.listen(path, () => {
  process.stdout.write('listening\n');
});
createInterface({ input: process.stdin })
  .on('line', () => process.stdout.write(`${JSON.stringify(seen)}\n`))
  .once('close', () => process.exit(0));
