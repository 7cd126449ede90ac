import { describe, expect, test } from '@jest/globals';
import type { WorkerSpec } from '../worker-host.ts';
import { workerCommand, workerEnvironment } from './spawn-command.ts';

const SPEC: WorkerSpec = {
  pool: 'default',
  workerId: 'w1',
  incarnation: '3',
  python: { executable: '/venv/bin/python', args: ['-X', 'dev'] },
  bridgePath: '/bridge',
  pythonPath: ['/app'],
  adapter: 'app.adapter.Adapter',
  adapterArgs: ['--model', 'small'],
  cwd: '/work',
  env: {},
  runId: 'abcdefghijkl',
  token: 'secret-of-the-worker',
  bridge: { address: 'unix:/bridge.sock', token: 'secret-of-the-bridge' },
};

describe('workerCommand', () => {
  test('starts the bridge module with the adapter', () => {
    expect(workerCommand(SPEC)).toEqual({
      executable: '/venv/bin/python',
      args: [
        ...['-X', 'dev', '-u', '-m', 'snakepit_bridge', '--adapter', 'app.adapter.Adapter'],
        ...['--snakepit-run-id', 'abcdefghijkl', '--worker-id', 'w1', '--', '--model', 'small'],
      ],
    });
  });

  test('[I5.7] a worker of the thread profile is told how many calls come together, before the mark', () => {
    const threads = { limit: 4, check: 'strict' } as const;
    expect(workerCommand({ ...SPEC, threads }).args.slice(11)).toEqual([
      ...['--max-workers', '4', '--thread-safety-check', 'strict', '--', '--model', 'small'],
    ]);
    const unchecked = { ...SPEC, threads: { limit: 4, check: 'off' } as const };
    expect(workerCommand(unchecked).args).not.toContain('--thread-safety-check');
  });

  test('can be another program', () => {
    const spec = { ...SPEC, command: ['/bin/worker', '-v'] as const };
    expect(workerCommand(spec)).toEqual({ executable: '/bin/worker', args: ['-v'] });
  });
});

describe('workerEnvironment', () => {
  const base = { PATH: '/bin', PYTHONPATH: '/mine', GONE: 'x', SNAKEPIT_WORKER: 'outer' };

  test('[I5.7] numeric libraries of the thread profile have as many threads as they like', () => {
    const environment = workerEnvironment({ ...SPEC, threads: { limit: 4, check: 'off' } }, base);
    expect(environment).not.toHaveProperty('OMP_NUM_THREADS');
    expect(environment['GRPC_VERBOSITY']).toBe('ERROR');
  });

  test('adds what the worker needs to what the user has', () => {
    const spec = { ...SPEC, env: { OMP_NUM_THREADS: '8', GONE: undefined } };
    expect(workerEnvironment(spec, base, undefined, 42)).toEqual({
      PATH: '/bin',
      PYTHONPATH: '/bridge:/app:/mine',
      PYTHONUNBUFFERED: '1',
      PYTHONNOUSERSITE: '1',
      OPENBLAS_NUM_THREADS: '1',
      OMP_NUM_THREADS: '8',
      MKL_NUM_THREADS: '1',
      NUMEXPR_NUM_THREADS: '1',
      GRPC_VERBOSITY: 'ERROR',
      JE_ARROW_MALLOC_CONF: 'background_thread:false',
      SNAKEPIT_RUN_ID: 'abcdefghijkl',
      SNAKEPIT_RUN_abcdefghijkl: '1',
      SNAKEPIT_WORKER: 'default/w1/3',
      SNAKEPIT_PARENT_PID: '42',
      SNAKEPIT_BEAT_FD: '3',
      SNAKEPIT_CALLS_FD: '5',
      SNAKEPIT_LIFELINE_FD: '4',
    });
  });

  test('of what the user takes away nothing is left, also of our defaults', () => {
    const gone = { OMP_NUM_THREADS: undefined, GRPC_VERBOSITY: undefined, PYTHONPATH: undefined };
    const environment = workerEnvironment({ ...SPEC, env: gone }, base);
    expect(environment).not.toHaveProperty('OMP_NUM_THREADS');
    expect(environment).not.toHaveProperty('GRPC_VERBOSITY');
    expect(environment).toMatchObject({ PYTHONPATH: '/bridge:/app', MKL_NUM_THREADS: '1' });
  });

  test('keeps the marker of an outer run', () => {
    const outer = { ...base, SNAKEPIT_RUN_outerouterou: '1' };
    expect(workerEnvironment(SPEC, outer)).toMatchObject({
      SNAKEPIT_RUN_outerouterou: '1',
      SNAKEPIT_RUN_abcdefghijkl: '1',
    });
  });

  test('no secret is in command line or environment', () => {
    const text = JSON.stringify([workerCommand(SPEC), workerEnvironment(SPEC, base)]);
    expect(text).not.toContain('secret');
  });
});
