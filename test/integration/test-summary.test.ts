import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readJestReport } from '../../scripts/test/jest.mjs';
import { endLeftovers, findLeftovers } from '../../scripts/test/leftovers.mjs';
import { readPytestReport } from '../../scripts/test/pytest.mjs';
import { makeSandbox } from '../../scripts/test/sandbox.mjs';
import { summaryOf } from '../../scripts/test/summary.mjs';

const jestReport = (numbers: Record<string, number>): string =>
  JSON.stringify({
    numTotalTests: 0,
    numPassedTests: 0,
    numFailedTests: 0,
    numRuntimeErrorTestSuites: 0,
    ...numbers,
  });

describe('readJestReport', () => {
  test('counts a test file that cannot be loaded as failed', () => {
    const text = jestReport({ numTotalTests: 3, numPassedTests: 3, numRuntimeErrorTestSuites: 1 });
    expect(readJestReport(text, 1)).toEqual({ runner: 'jest', passed: 3, failed: 1, problems: [] });
  });

  test('tells a crash, a run without tests, and an exit code that nothing explains', () => {
    expect(readJestReport(null, 'SIGSEGV').problems).toEqual(['ended without a report (SIGSEGV)']);
    expect(readJestReport(jestReport({}), 0).problems).toEqual(['no test ran']);
    expect(readJestReport(jestReport({ numTotalTests: 1 }), 1).problems).toHaveLength(1);
  });
});

describe('readPytestReport', () => {
  test('counts errors as failed and leaves skipped ones out', () => {
    const text =
      '<testsuites><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10">';
    expect(readPytestReport(text, 1)).toMatchObject({ passed: 4, failed: 3, problems: [] });
  });

  test('tells a crash and a run without tests', () => {
    expect(readPytestReport(null, 4).problems).toEqual(['ended without a report (4)']);
    expect(
      readPytestReport('<testsuite errors="0" failures="0" tests="0">', 5).problems,
    ).toHaveLength(1);
  });
});

describe('summaryOf', () => {
  test('sums up all runners, and a runner with problems is one failure more', () => {
    const summary = summaryOf([
      { runner: 'jest', passed: 10, failed: 1, problems: [] },
      { runner: 'pytest', passed: 5, failed: 0, problems: ['crashed', 'twice'] },
    ]);
    expect(summary.line).toBe('15 passed, 2 failed');
    expect(summary.exitCode).toBe(1);
    expect(summary.problems).toEqual(['pytest: crashed', 'pytest: twice']);
  });

  test('passes only when something ran and nothing failed', () => {
    const fine = { runner: 'jest', passed: 1, failed: 0, problems: [] };
    expect(summaryOf([fine]).exitCode).toBe(0);
    expect(summaryOf([{ ...fine, passed: 0 }])).toMatchObject({
      line: '0 passed, 1 failed',
      exitCode: 1,
    });
  });
});

describe('findLeftovers', () => {
  test('finds nothing after a clean run', async () => {
    const sandbox = makeSandbox({});
    try {
      expect(await findLeftovers(sandbox, { graceMs: 0 })).toEqual({
        processes: [],
        descriptions: [],
      });
    } finally {
      rmSync(sandbox.home, { recursive: true });
    }
  });

  const onLinux = process.platform === 'linux' ? test : test.skip;
  onLinux('names each process, port, socket and file that was left, and ends it', async () => {
    const sandbox = makeSandbox({});
    const program = `
      const net = require('node:net');
      const path = process.env.TMPDIR + '/left.sock';
      net.createServer().listen(path, () =>
        net.createServer().listen(0, '127.0.0.1', () => console.log('ready')));`;
    const child = spawn(process.execPath, ['-e', program], {
      env: sandbox.env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(child.stdout, 'data');
      mkdirSync(join(sandbox.temp, 'left-folder'));
      writeFileSync(join(sandbox.state, 'left-file'), '');
      const leftovers = await findLeftovers(sandbox, { graceMs: 0 });
      expect(leftovers.processes.map(({ pid }) => pid)).toEqual([child.pid]);
      expect(leftovers.descriptions).toEqual([
        expect.stringContaining(`process ${String(child.pid)} is still there`),
        expect.stringMatching(/still listens on tcp \d+/),
        expect.stringMatching(/Unix socket is still open: .*left\.sock/),
        expect.stringContaining('temporary directory () was not removed: t/left-folder'),
        expect.stringContaining('temporary file was not removed: t/left.sock'),
        expect.stringContaining('temporary file was not removed: s/left-file'),
      ]);
      const ended = once(child, 'exit');
      endLeftovers(leftovers);
      expect(await ended).toEqual([null, 'SIGKILL']);
    } finally {
      child.kill('SIGKILL');
      rmSync(sandbox.home, { recursive: true });
    }
  });
});
