import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { runProgram, type Ended } from '../fixtures/run-program.ts';

// One is about forking, also where a whole suite is run with spawned workers.
const env = { SNAKEPIT_LAUNCH: 'auto' };

// Programs of their own, some with Python, on machines that may be busy.
jest.setTimeout(120_000);

function runExample(name: string, ...args: string[]): Promise<Ended> {
  return runProgram(['scripts/example.mjs', name, ...args], { env });
}

/** Ended well, wrote nothing but these lines, left nothing. */
function expectLines(ended: Ended, lines: readonly string[]): void {
  expect(ended).toMatchObject({ stderr: '', code: 0, signal: null, left: [] });
  expect(ended.stdout.trimEnd().split('\n')).toEqual(lines);
}

describe('npm run example --', () => {
  test('[I2.9] quick-start calls Python', async () => {
    expectLines(await runExample('quick-start'), ['2 + 3 = 5']);
  });

  test('[I2.9] quick-start in plain JavaScript, with no compiler', async () => {
    const folder = join(import.meta.dirname, '../../examples/quick-start');
    const script = `process.chdir(${JSON.stringify(folder)}); await import(${JSON.stringify(join(folder, 'plain.mjs'))});`;
    const python = join(import.meta.dirname, '../../.venv/bin/python');
    const ended = await runProgram(['--input-type=module', '--eval', script], {
      env: { SNAKEPIT_PYTHON: python },
    });
    expectLines(ended, ['2 + 3 = 5']);
  });

  test('[I7.4] starting: useful from the first worker on, told of the others', async () => {
    expectLines(await runExample('starting'), ['7 squared is 49', '4 of 4 workers are ready']);
  });

  test('[I5.5] values arrive as what they are', async () => {
    expectLines(await runExample('values'), [
      'scaled: Float64Array(3) [ 2, 4, 6 ]',
      'matrix: float32 [ 2, 2 ] Float32Array(4) [ 1, 0, 0, 1 ]',
      'kind: ndarray',
      "summary: { mean: 2, largest: 1180591620717411303424n, labels: Set(1) { 'a' } }",
      'next day: 2026-03-01T12:00:00.000Z',
      'price: 24.60',
      'kinds: int',
      'kinds: float',
    ]);
  });

  test('[I5.8] [I5.9] resilience: recycled, resized, and a request that kills', async () => {
    expectLines(await runExample('resilience'), [
      'default_worker_1 is recycled (manual)',
      'default_worker_2 is recycled (manual)',
      '1 4 9',
      '3 workers',
      '1 worker',
      'POISON_REQUEST: ended 2 workers',
      '16',
    ]);
  });

  test('[I7.1] launching forks workers that have everything imported, and imports anew on recycle()', async () => {
    expectLines(await runExample('launching'), [
      'launched by: fork',
      '144',
      'executed by: 4 processes',
      'imported by: 1',
      'executed by: 4 processes',
      'imported by another: true',
    ]);
  });

  test('[I2.9] counter keeps its count', async () => {
    expectLines(await runExample('counter'), [
      '3',
      'somebody sent anything',
      '0',
      'ends at 0, reason shutdown',
    ]);
  });

  test('[I2.9] tasks do their work, alone, in streams and under supervision', async () => {
    expectLines(await runExample('tasks'), [
      'sum: 5',
      'many: [ 3, 5 ]',
      'yield: undefined',
      'the task is told to stop',
      'shutdown: undefined',
      'square: 1',
      'square: 4',
      'square: 9',
      'supervised: error(RangeError: no luck today)',
      'ann: 1',
      'joe: 1',
      'ann: 2',
    ]);
  });

  test('[I2.9] supervision-tree restarts what crashes', async () => {
    expectLines(await runExample('supervision-tree'), [
      'another process: true',
      'started: true',
      '{ specs: 3, active: 3, supervisors: 1, workers: 2 }',
      '{ ok: true }',
      "{ ok: false, error: { kind: 'notFound' } }",
      'late worker undefined',
      'jobs supervisor runs',
      'counter worker runs',
      'ended: shutdown',
    ]);
  });

  test('[RGY-006] registry finds rooms by number, and who listens to them', async () => {
    expectLines(await runExample('registry'), [
      'started: true',
      'started again: false alreadyStarted',
      'lines: 1',
      "listening: [ 'Ann', 'Bob' ]",
      "[ 'Ann: hello', 'Bob: hello' ]",
      'another process: true',
      'rooms: 1',
    ]);
  });

  test('[APP-002] [APP-003] [APP-008] [APP-010] application starts in order of need, and ends as one', async () => {
    expectLines(await runExample('application'), [
      "{ ok: false, error: { kind: 'notStarted', application: 'stock' } }",
      "{ ok: true, started: [ 'stock' ] }",
      '{ ok: true }',
      "[ 'shop permanent', 'stock temporary' ]",
      'paid: 6',
      'left: 8',
      'the shop closes, open since 8',
      'the shop is closed',
      'stopped: shop shutdown, by itself',
      'stopped: stock shutdown, because it was asked to',
      "APPLICATION_TERMINATED { application: 'shop', type: 'permanent', reason: 'shutdown' }",
      'processes: 0',
    ]);
  });

  test('[RPT-005] [SYS-002] debugging looks into a server, holds it and shows its crash', async () => {
    const ended = await runExample('debugging');
    expect(ended).toMatchObject({ stderr: '', code: 0, left: [] });
    const lines = ended.stdout.trimEnd().split('\n');
    expect(lines.slice(0, 9)).toEqual([
      '{ apples: 10 }',
      'in {"via":"call","message":{"type":"take","arg":3}}',
      'out {"reply":7,"state":{"apples":7}}',
      'suspended 1',
      'in {"via":"call","message":{"type":"take","arg":1}}',
      'out {"reply":1,"state":{"apples":1}}',
      '1',
      'in {"via":"call","message":{"type":"take","arg":5}}',
      'process <1> (stock) ended: error(RangeError: only 1 left)',
    ]);
    expect(lines).toContain('  state: {"handling":"take"}, 0 messages waiting');
    expect(lines.filter((line) => line.startsWith('    call take ('))).toHaveLength(3);
    expect(lines).toContain('  RangeError: only 1 left');
  });

  test('[I5.7] threads runs calls of one process at the same time, and sensitive ones in one thread', async () => {
    const ended = await runExample('threads');
    expect(ended).toMatchObject({ stderr: '', code: 0, left: [] });
    expect(ended.stdout.trimEnd().split('\n')).toEqual([
      'threads: 4',
      'processes: 1',
      'logged: 3',
      'threads that draw: 1',
    ]);
  });

  test('[I5.6] tools call in both directions, typed by the adapter', async () => {
    expectLines(await runExample('tools'), [
      '75',
      'apple 25',
      'pear 25',
      'E_NO_ITEM: RangeError: no plum',
      'PYTHON_EXCEPTION: [PYTHON_EXCEPTION] LookupError: only 0 of pear (tool "price") (worker "default_worker_1" of pool "default")',
      'INVALID_ARGUMENT did you mean "item"?',
      'bill/1 explain/1 price/2',
      'function',
    ]);
  });

  test('[R12.3] [I6.5] monitoring serves metrics of a system under load', async () => {
    const ended = await runExample('monitoring', '--seconds', '2', '--port', '0');
    expect(ended).toMatchObject({ stderr: '', code: 0, left: [] });
    const lines = ended.stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^metrics: http:\/\/127\.0\.0\.1:\d+\/metrics$/);
    expect(lines[1]).toContain('prometheus --config.file=prometheus.yml');
    const [, count] = /^snakepit_pool_calls_total\{.*\} (\d+)$/.exec(lines.at(-1) ?? '') ?? [];
    expect(Number(count)).toBeGreaterThan(5);
  });

  test('[I6.6] visualiser says what to open, and is looked at by nobody', async () => {
    const ended = await runExample('visualiser', '--seconds', '1');
    expect(ended).toMatchObject({ stderr: '', code: 0, left: [] });
    expect(ended.stdout).toMatch(/^Open http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{32}\n$/);
  });

  test('[I2.9] failures says what went wrong, and with which code', async () => {
    const ended = await runExample('failures');
    expect(ended).toMatchObject({ stderr: '', code: 0, left: [] });
    const lines = ended.stdout.trimEnd().split('\n');
    expect(lines.filter((line) => !line.startsWith(' '))).toEqual([
      'PYTHON_EXCEPTION',
      'INVALID_ARGUMENT',
      'TOOL_NOT_FOUND',
      'INVALID_ARGUMENT',
      'TIMEOUT',
      'CANCELLED',
    ]);
    expect(lines[1]).toContain('ZeroDivisionError: division by zero');
    expect(lines.at(-1)).toBe('  1 / 0 is no number');
    expect(lines[3]).toContain('args.b is missing');
    expect(lines[5]).toContain('Did you mean "divide"?');
    expect(lines[7]).toContain('args.a is "one", not float');
  });

  test('[I5.1] [I5.2] calling: options, cancelling, several pools, counts', async () => {
    expectLines(await runExample('calling'), ['2 + 3 = 5', 'CANCELLED', 'number', 'true']);
  });

  test('[I5.3] sessions keep to their worker, and say when it is gone', async () => {
    expectLines(await runExample('sessions'), ['hello Ann', '1', '2', 'SESSION_LOST', '1']);
  });

  test('[I6.1] [R9.4] telemetry: listening, switching off, logging, telling from Python', async () => {
    expectLines(await runExample('telemetry'), [
      'default_worker_1 of default serves: true',
      "cache.miss [ 'size' ] { cache: 'names' }",
      "database.query.start [ 'count' ] { table: 'names' }",
      "database.query.stop [ 'duration_ms' ] { table: 'names' }",
      'ADA',
      'snakepit.pool.call.dispatched',
      'snakepit.grpc_worker.execute.start',
      'snakepit.grpc_worker.execute.stop',
      'snakepit.request.executed',
    ]);
  });

  test('[I6.2] tracing: one trace over Node and Python, sent by both', async () => {
    expectLines(await runExample('tracing'), [
      '8',
      'snakepit.node_tool weight_of ok true',
      'snakepit.node_tool weight_of ok true',
      'snakepit.rpc weigh ok true',
      'snakepit.execute weigh ok true',
      'snakepit.rpc fail failed true',
      'snakepit.execute fail failed true',
      'request ok true',
      'Python told of snakepit.tool weigh: true',
      'Python told of split: true',
      'Python told of ValueError: true',
    ]);
  });

  test('[I6.4] [I6.9] [T4.3] health: probes and pages in a server of your own, anomalies', async () => {
    expectLines(await runExample('health'), [
      'starting: 200 503',
      'started: 200 200',
      'workers: 2 of 2 are well',
      'anomalies: 0',
    ]);
  });

  test('[I5.4] streaming: reading, leaving, errors', async () => {
    expectLines(await runExample('streaming'), ['0', '1', '2', '1', 'one step', 'a stone']);
  });

  test('[I2.9] an unknown name is answered with the known ones', async () => {
    const { code, stderr } = await runExample('quickstart');
    expect(code).toBe(2);
    expect(stderr).toContain('There is no example "quickstart"');
    expect(stderr).toContain(
      'Names: application, calling, counter, debugging, deployment, digits, failures, health, launching, monitoring, quick-start, registry, resilience, sessions, starting, streaming, supervision-tree, tasks, telemetry, threads, tools, tracing, values, visualiser',
    );
  });
});
