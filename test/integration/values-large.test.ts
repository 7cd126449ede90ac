import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Snakepit } from '@snakepit/python-bridge';
import { runProgram } from '../fixtures/run-program.ts';
import { errorOf, SnakepitBench } from '../fixtures/snakepit-bench.ts';

const REPOSITORY = join(import.meta.dirname, '../..');
const mebibyte = 2 ** 20;
const paths = ['auto', 'unary'] as const;
const bench = new SnakepitBench();
let snakepit: Snakepit;

beforeAll(async () => {
  const adapter = 'values_lab.ValuesLab';
  snakepit = await bench.startAll(
    paths.map((callPath) => ({ name: callPath, adapter, callPath, requestTimeout: 120_000 })),
  );
}, 60_000);

afterAll(async () => {
  await bench.close();
});

/** What the program writes. */
interface Report {
  readonly length: number;
  readonly isSame: boolean;
  readonly isOther: boolean;
  readonly nodeBytes: number;
  readonly pythonBytes: number;
}

test('[I5.5] 1 GiB goes to Python and comes back, and nobody needs much more memory than it has', async () => {
  const length = 1024 * mebibyte;
  const { code, stdout, stderr, left } = await runProgram([
    '--conditions=@snakepit/source',
    ...['--import', './test/fixtures/processes/typescript-loader.mjs'],
    'test/fixtures/processes/large-value.mjs',
    ...[String(length), join(REPOSITORY, '.venv/bin/python')],
    join(REPOSITORY, 'test/fixtures/adapters'),
  ]);
  expect({ code, stderr, left }).toEqual({ code: 0, stderr: '', left: [] });
  const report = JSON.parse(stdout) as Report;
  expect(report).toMatchObject({ length, isSame: true, isOther: true });
  // Node has what it sent and what came; Python has the value once, in memory that grew with it.
  expect(report.nodeBytes).toBeLessThan(2 * length + 512 * mebibyte);
  expect(report.pythonBytes).toBeLessThan(1.125 * length + 256 * mebibyte);
}, 300_000);

describe.each(paths)('large values on the call path %s', (pool) => {
  test('[I5.5] 16 MiB come back as they were, alone, in other values and as an array', async () => {
    const bytes = Buffer.alloc(16 * mebibyte);
    for (let at = 0; at < bytes.length; at += 4) {
      bytes.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
    }
    const sent = [
      bytes,
      { small: Buffer.from('s'), deep: [{ bytes }, { tail: Buffer.alloc(0) }] },
      new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8),
    ];
    for (const value of sent) {
      const back = await snakepit.execute('echo', { value }, { pool });
      expect(bytesOf(back)).toEqual(bytesOf(value));
      expect(bytesOf(value).reduce((sum, { length }) => sum + length, 0)).toBeGreaterThan(1e7);
    }
    expect(await snakepit.execute('digest', { data: bytes }, { pool })).toEqual({
      length: bytes.length,
      sha256: hashOf(bytes),
    });
  }, 60_000);
});

test('[I5.5] a unary call that exceeds the limit of a message says so, and the worker lives on', async () => {
  const pool = 'unary';
  const data = Buffer.alloc(101 * mebibyte);
  expect(await errorOf(snakepit.execute('digest', { data }, { pool }))).toMatchObject({
    code: 'MESSAGE_TOO_LARGE',
    details: { what: 'arguments', limitBytes: 100 * mebibyte },
  });
  const nested = snakepit.execute('digest', { data: [data] }, { pool });
  expect(await errorOf(nested)).toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  const result = snakepit.execute('bytes_of', { length: data.length }, { pool });
  expect(await errorOf(result)).toMatchObject({
    code: 'MESSAGE_TOO_LARGE',
    details: { what: 'result' },
  });
  expect(await snakepit.execute('digest', { data: Buffer.from('') }, { pool })).toMatchObject({
    length: 0,
  });
}, 60_000);

/** Length and hash of all memory in a value, in order. */
function bytesOf(value: unknown): readonly { length: number; hash: string }[] {
  if (ArrayBuffer.isView(value)) {
    return [{ length: value.byteLength, hash: hashOf(value) }];
  }
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(bytesOf) : [];
}

function hashOf({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex');
}
