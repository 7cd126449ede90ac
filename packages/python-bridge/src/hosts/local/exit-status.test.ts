import { describe, expect, test } from '@jest/globals';
import type { ExitStatus } from '../worker-host.ts';
import { describeExit, isRestartUseless, toExitStatus } from './exit-status.ts';

describe('toExitStatus', () => {
  test.each([
    [0, null, { kind: 'exited', code: 0 }],
    [69, null, { kind: 'exited', code: 69 }],
    [null, 'SIGSEGV', { kind: 'signalled', signal: 'SIGSEGV' }],
    [null, null, { kind: 'unknown', detail: expect.any(String) }],
  ])('[WH-3] code %p and signal %p', (code, signal, status) => {
    expect(toExitStatus(code, signal)).toEqual(status);
  });

  test('[I4.2] a SIGKILL that the kernel sent for lack of memory is told apart', () => {
    expect(toExitStatus(null, 'SIGKILL', () => true)).toEqual({ kind: 'outOfMemory' });
    expect(toExitStatus(null, 'SIGKILL', () => false)).toMatchObject({ signal: 'SIGKILL' });
    expect(toExitStatus(null, 'SIGSEGV', () => true)).toMatchObject({ signal: 'SIGSEGV' });
  });
});

describe('describeExit', () => {
  test.each<[ExitStatus, string]>([
    [{ kind: 'exited', code: 69 }, 'exited with code 69: the adapter'],
    [{ kind: 'exited', code: 44 }, 'exited with code 44'],
    [{ kind: 'signalled', signal: 'SIGKILL' }, 'was ended by SIGKILL (9): killed by us'],
    [{ kind: 'signalled', signal: 'SIGUSR1' }, 'was ended by SIGUSR1 (10)'],
    [{ kind: 'signalled', signal: 'SIGNEW' }, 'was ended by SIGNEW'],
    [{ kind: 'outOfMemory' }, 'was killed by the kernel for lack of memory'],
    [{ kind: 'stoppedByEngine', reason: 'drain' }, 'was stopped by the engine: drain'],
    [{ kind: 'hostLost', confirmed: true }, 'was lost with its host'],
    [{ kind: 'hostLost', confirmed: false }, 'is on a host that does not answer'],
    [{ kind: 'unknown', detail: 'x' }, 'ended, nobody knows how: x'],
  ])('%j', (status, text) => {
    expect(describeExit(status)).toContain(text);
  });
});

describe('isRestartUseless', () => {
  test('is true for what the same start would meet again', () => {
    const useless = [0, 1, 69, 70, 78].filter((code) => isRestartUseless({ kind: 'exited', code }));
    expect(useless).toEqual([69, 78]);
    expect(isRestartUseless({ kind: 'signalled', signal: 'SIGKILL' })).toBe(false);
  });
});
