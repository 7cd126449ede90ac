import { describe, expect, test } from '@jest/globals';
import { startFailure } from '../../worker/worker-failure.ts';
import { WorkerStartError, type StartFailure } from '../start-failure.ts';
import { forkServerFailure, lateForkServer, withoutForkServer } from './fork-failures.ts';

const worker = { pool: 'p', workerId: 'w1', incarnation: '1' };

describe('what a worker is told whose fork server did not start', () => {
  test('[I7.1] that it was the server which ended, also when that said nothing; and it may be tried again', () => {
    const exit = { kind: 'exited', code: 4 } as const;
    const ended: StartFailure = {
      ...{ kind: 'exitedBeforeReady', exit, failed: undefined },
      lastOutput: [],
    };
    const server = forkServerFailure(new WorkerStartError('the server ended', ended));
    expect(server).toMatchObject({ permanent: false, code: undefined });
    const told = startFailure(withoutForkServer(worker, server), { ...worker, adapter: 'a.A' });
    expect(told).toMatchObject({ cause: 'exited', permanent: false });
    expect(told.error.message).toContain('it exited with code 4 (the fork server of its pool');
  });

  test('[I7.1] [R10.2] that it took too long, what it imports, and what to do about that', () => {
    const server = lateForkServer(3_000, ['numpy', 'my_app.models']);
    const told = startFailure(withoutForkServer(worker, server), { ...worker, adapter: 'a.A' });
    expect(told).toMatchObject({ cause: 'timeout', permanent: false });
    const { message } = told.error;
    expect(message).toContain(
      'its fork server could not be started: it was not ready within 3000 ms (pools[].startupTimeout); it imports numpy, my_app.models (pools[].preload)',
    );
    expect(message).toContain('Remedy: allow it more time with pools[].startupTimeout');
  });
});
