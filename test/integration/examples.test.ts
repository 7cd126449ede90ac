import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { runProgram, type Ended } from '../fixtures/run-program.ts';

// Programs of their own, some with Python, on machines that may be busy.
jest.setTimeout(120_000);

function runExample(name: string, ...args: string[]): Promise<Ended> {
  return runProgram(['scripts/example.mjs', name, ...args]);
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
    expect(lines[3]).toContain("missing a required argument: 'b'");
    expect(lines[5]).toContain('Did you mean "divide"?');
    expect(lines[7]).toContain('args.a is a BigInt');
  });

  test('[I2.9] an unknown name is answered with the known ones', async () => {
    const { code, stderr } = await runExample('quickstart');
    expect(code).toBe(2);
    expect(stderr).toContain('There is no example "quickstart"');
    expect(stderr).toContain(
      'Names: application, counter, debugging, digits, failures, quick-start, registry, supervision-tree, tasks',
    );
  });
});
