import { EventEmitter } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { watchSignals, type SignalSource } from './signals.ts';

/** A process that writes down how it is killed. */
class FakeProcess extends EventEmitter implements SignalSource {
  readonly kills: unknown[] = [];
  readonly exits: number[] = [];
  readonly pid: number;

  constructor(pid: number) {
    super();
    this.pid = pid;
  }

  kill(pid: number, signal: string): void {
    this.kills.push([pid, signal]);
  }

  exit(code: number): void {
    this.exits.push(code);
  }

  send(signal: string): void {
    this.emit(signal, signal);
  }
}

function watch(end: 'resolve' | 'reject' = 'resolve', pid = 42) {
  const source = new FakeProcess(pid);
  const heard: string[] = [];
  let settle: () => void = () => undefined;
  const stopped = new Promise<void>((resolve, reject) => {
    settle = () => {
      if (end === 'resolve') resolve();
      else reject(new Error('no'));
    };
  });
  const stop = (): Promise<void> => {
    heard.push('stop');
    return stopped;
  };
  const unwatch = watchSignals({ stop, hurry: () => heard.push('hurry') }, source);
  const finish = async (): Promise<void> => {
    settle();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { source, heard, unwatch, finish };
}

describe('watchSignals', () => {
  test.each(['resolve', 'reject'] as const)(
    '[R1.2] stops at the first signal, hurries at every other, ends by the first (%s)',
    async (end) => {
      const { source, heard, finish } = watch(end);
      source.send('SIGTERM');
      expect(heard).toEqual(['stop']);
      source.send('SIGINT');
      source.send('SIGTERM');
      expect(heard).toEqual(['stop', 'hurry', 'hurry']);
      expect(source.kills).toEqual([]);
      await finish();
      expect(source.kills).toEqual([[42, 'SIGTERM']]);
      expect(source.exits).toEqual([]);
      expect(source.eventNames()).toEqual([]);
    },
  );

  test('[R1.2] process 1 of a container, which no unheard signal ends, exits as if it had', async () => {
    const { source, finish } = watch('resolve', 1);
    source.send('SIGTERM');
    expect(source.exits).toEqual([]);
    await finish();
    expect(source.exits).toEqual([143]);
  });

  test("process 1 is not ended where somebody else's handler decides", async () => {
    const { source, finish } = watch('resolve', 1);
    source.on('SIGTERM', () => undefined);
    source.send('SIGTERM');
    await finish();
    expect(source.exits).toEqual([]);
  });

  test("somebody else's handler decides what comes afterwards", async () => {
    const { source, finish } = watch();
    source.on('SIGINT', () => undefined);
    source.send('SIGINT');
    await finish();
    expect(source.kills).toEqual([]);
  });

  test('hears nothing any more when it is told so', () => {
    const { source, heard, unwatch } = watch();
    unwatch();
    source.send('SIGHUP');
    expect(heard).toEqual([]);
  });
});
