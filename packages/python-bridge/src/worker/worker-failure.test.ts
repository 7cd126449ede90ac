import { describe, expect, test } from '@jest/globals';
import { bridgeError } from '../errors.ts';
import type { FailureCause } from './failure-cause.ts';
import { WorkerStartError, type StartFailure } from '../hosts/start-failure.ts';
import type { ExitStatus, OutputLine } from '../hosts/worker-host.ts';
import {
  connectFailure,
  crash,
  deathOf,
  lateConnection,
  lateStart,
  startFailure,
} from './worker-failure.ts';

const worker = { pool: 'p', workerId: 'w1', adapter: 'my.Adapter' };
const lines = (count: number): OutputLine[] =>
  Array.from({ length: count }, (_, i) => ({
    ref: { host: 'local', pool: 'p', workerId: 'w1', incarnation: '1' },
    stream: 'stderr',
    text: `line ${String(i + 1)}`,
    truncated: false,
  }));
const hostError = (failure: StartFailure): WorkerStartError =>
  new WorkerStartError('the host says', failure);
const early = (code: number, failedCode?: string): StartFailure => ({
  kind: 'exitedBeforeReady',
  exit: { kind: 'exited', code },
  lastOutput: lines(30),
  failed:
    failedCode === undefined
      ? undefined
      : { code: failedCode, message: 'Python says', traceback: 'Traceback: x' },
});

describe('startFailure', () => {
  test.each([
    ['PRELOAD_FAILED', 'importError'],
    ['PRELOAD_UNSAFE', 'configuration'],
    ['FORK_UNSUPPORTED', 'configuration'],
  ] as const)('[I7.1] a fork server that says %s is a cause of its own: %s', (code, cause) => {
    const failure = startFailure(hostError(early(78, code)), worker);
    expect(failure).toMatchObject({ cause, permanent: true });
    expect(failure.error).toMatchObject({
      code: 'WORKER_START_FAILED',
      details: { failure: cause, lastOutput: ['Traceback: x'] },
    });
    expect(failure.error.message).toContain('its fork server cannot fork: Python says');
  });

  test.each([
    [
      { kind: 'interpreterNotFound', executable: '/no/python', code: 'ENOENT' },
      'ENVIRONMENT',
      'the Python interpreter "/no/python" cannot be started (ENOENT)',
      true,
    ],
    [{ kind: 'cwdNotFound', cwd: '/no' }, 'ENVIRONMENT', 'working directory "/no"', true],
    [
      { kind: 'spawnFailed', code: 'EAGAIN', detail: 'x' },
      'WORKER_START_FAILED',
      'the host says',
      false,
    ],
    [{ kind: 'invalidSpec', detail: 'x' }, 'WORKER_START_FAILED', 'the host says', true],
    [{ kind: 'unavailable', detail: 'x' }, 'WORKER_START_FAILED', 'the host says', false],
    [{ kind: 'aborted', ended: undefined }, 'WORKER_START_FAILED', 'the host says', false],
    [early(69, 'ADAPTER_NOT_FOUND'), 'ADAPTER_FAILED', '"my.Adapter"', true],
    [early(69, 'ADAPTER_IMPORT'), 'ADAPTER_FAILED', 'raised while it was imported', true],
    [early(78, 'ADAPTER_INVALID'), 'ADAPTER_FAILED', 'is not an adapter', true],
    [early(69, 'ENVIRONMENT'), 'ENVIRONMENT', 'cannot run a worker: Python says', true],
    [early(1, 'LISTEN'), 'WORKER_START_FAILED', 'exited with code 1', false],
    [early(5), 'WORKER_START_FAILED', 'it exited with code 5', false],
    [
      { ...early(0), kind: 'protocol', detail: 'not JSON' } as StartFailure,
      'PROTOCOL',
      'not JSON',
      false,
    ],
  ] as [StartFailure, string, string, boolean][])('%j', (failure, code, message, permanent) => {
    const cause = hostError(failure);
    const { error, uncounted = false, ...rest } = startFailure(cause, worker);
    expect({ code: error.code, ...rest }).toEqual({ code, cause: rest.cause, permanent });
    // Only of the lack of a host the worker is innocent.
    expect(uncounted).toBe(failure.kind === 'unavailable');
    expect(error.message).toContain(message);
    if (code !== 'ADAPTER_FAILED') expect(error.cause).toBe(cause);
  });

  const ended = (exit: ExitStatus, failedCode?: string): StartFailure =>
    ({ ...early(1, failedCode), exit }) as StartFailure;
  const by = (signal: string): StartFailure => ended({ kind: 'signalled', signal });
  test.each<[FailureCause, string, StartFailure]>([
    ['importError', 'correct the module', early(69, 'ADAPTER_IMPORT')],
    ['importError', 'pools[].pythonPath', early(69, 'ADAPTER_NOT_FOUND')],
    ['socket', 'socketDir', early(1, 'LISTEN')],
    ['environment', 'npx snakepit setup', early(69, 'ENVIRONMENT')],
    ['environment', 'npx snakepit setup', early(69)],
    ['environment', 'pools[].python', { kind: 'interpreterNotFound', executable: 'p', code: 'X' }],
    ['outOfMemory', 'raise the memory limit', ended({ kind: 'outOfMemory' })],
    ['killed', 'journalctl -k', by('SIGKILL')],
    ['killed', 'journalctl -k', by('SIGTERM')],
    ['killed', 'journalctl -k', ended({ kind: 'unknown', detail: 'x' })],
    ['nativeCrash', 'python -X faulthandler', by('SIGSEGV')],
    ['nativeCrash', 'python -X faulthandler', by('SIGABRT')],
    ['exited', 'read what Python printed', early(5)],
    ['protocol', 'snakepit_bridge must be the one', early(76)],
    ['protocol', 'snakepit_bridge', { ...early(0), kind: 'protocol', detail: 'x' } as StartFailure],
    ['configuration', 'correct what the message names', early(78)],
    ['configuration', 'correct what the message names', early(2)],
    ['configuration', 'pools[].cwd', { kind: 'cwdNotFound', cwd: '/no' }],
    ['configuration', 'correct what', { kind: 'invalidSpec', detail: 'x' }],
    ['noProcess', 'ulimit -a', { kind: 'spawnFailed', code: 'EAGAIN', detail: 'x' }],
  ])('[R10.2] [I4.6] the cause is %s, the remedy says: %s', (cause, remedy, failure) => {
    const classified = startFailure(hostError(failure), worker);
    expect(classified.cause).toBe(cause);
    expect(classified.error.message).toMatch(/\nRemedy: /);
    expect(classified.error.message).toContain(remedy);
  });

  test('shows the last twenty lines that were printed, each to a limit', () => {
    const long = [{ ...lines(1)[0], text: 'x'.repeat(10_000) } as OutputLine];
    const cut = startFailure(
      hostError({ ...early(5), lastOutput: long } as StartFailure),
      worker,
    ).error;
    expect(cut.details['lastOutput']).toEqual([`${'x'.repeat(500)}…`]);
    const { message } = startFailure(hostError(early(5)), worker).error;
    expect(message).toContain('| line 11\n');
    expect(message).not.toContain('| line 10\n');
  });

  test('[I4.2] shows a crash in native code from its beginning', () => {
    const crashed = lines(60).map((line, i) =>
      i === 15 ? { ...line, text: 'Fatal Python error: Segmentation fault' } : line,
    );
    const { lastOutput } = deathOf({ kind: 'signalled', signal: 'SIGSEGV' }, crashed);
    expect(lastOutput).toHaveLength(20);
    expect(lastOutput.slice(2, 5)).toEqual([
      'line 15',
      'Fatal Python error: Segmentation fault',
      'line 17',
    ]);
  });

  test('puts the traceback under the JavaScript stack', () => {
    const { error } = startFailure(hostError(early(69, 'ADAPTER_IMPORT')), worker);
    expect(error.stack).toContain('Python traceback:\nTraceback: x');
  });

  test('keeps our own errors, and wraps what is none', () => {
    const own = bridgeError('WORKER_START_FAILED', { reason: 'x', failure: 'supervision' });
    expect(startFailure(own, worker).error).toBe(own);
    const odd = startFailure('odd', worker).error;
    expect(odd).toMatchObject({ code: 'WORKER_START_FAILED', cause: 'odd' });
    expect(startFailure(new TypeError('no spec'), worker).error.message).toContain('no spec');
  });
});

describe('other failures', () => {
  test('a start that takes too long names the option and shows the output', () => {
    const { error, permanent, cause } = lateStart(worker, 1_000, lines(1));
    expect(cause).toBe('timeout');
    expect(error.message).toContain('it was not ready within 1000 ms (pools[].startupTimeout)');
    expect(error.message).toContain('| line 1');
    expect(permanent).toBe(false);
  });

  test('a worker that is ready and does not answer', () => {
    expect(lateConnection(worker, 5_000).error.message).toContain(
      'did not answer its first call within 5000 ms',
    );
    const cause = new Error('refused');
    expect(connectFailure(cause, worker).error).toMatchObject({
      code: 'WORKER_START_FAILED',
      cause,
    });
    expect(connectFailure(cause, worker).error.message).toContain('its first call failed: refused');
  });

  test('a death is told with code or signal and the last output', () => {
    const byCode = deathOf({ kind: 'exited', code: 3 }, lines(25));
    expect(byCode).toMatchObject({ exitCode: 3, signal: undefined });
    expect(byCode.lastOutput).toHaveLength(20);
    const bySignal = deathOf({ kind: 'signalled', signal: 'SIGSEGV' }, []);
    expect(bySignal).toMatchObject({ exitCode: undefined, signal: 'SIGSEGV' });
    const { error, permanent } = crash(worker, bySignal);
    expect([error.code, permanent]).toEqual(['WORKER_CRASHED', false]);
    expect(error.message).toContain('SIGSEGV (11): a crash in native code');
  });

  test('[I4.2] a death for lack of memory says so, and what to do', () => {
    const death = deathOf({ kind: 'outOfMemory' }, []);
    expect(death).toMatchObject({ signal: 'SIGKILL', failure: 'outOfMemory' });
    const { error, cause } = crash(worker, death);
    expect([cause, error.details['failure']]).toEqual(['outOfMemory', 'outOfMemory']);
    expect(error.message).toContain('it was killed by the kernel for lack of memory');
    expect(error.message).toContain('raise the memory limit');
  });
});
