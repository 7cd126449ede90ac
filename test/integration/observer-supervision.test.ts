import { describe, expect, test } from '@jest/globals';
import { createSystem, defineServer, noreply, ok, silentLogger } from '@snakepit/core';
import { observe, TableMirror, type ActorAnswer, type ActorRow } from '@snakepit/observer';
import type { LifeRecord, LiveLine, Observer } from '@snakepit/observer';
import { Supervisor } from '@snakepit/supervisor';

// What a viewer sees of supervised processes, over real HTTP.

const worker = defineServer({
  name: 'worker',
  init: () => ok(0),
  cast: {
    crash: () => {
      throw new Error('out of paper');
    },
  },
  info: (state) => noreply(state),
});

function tokenOf({ url }: Observer): string {
  return new URLSearchParams(new URL(url).hash.slice(1)).get('token') ?? '';
}

async function ask(observer: Observer, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${String(observer.port)}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${tokenOf(observer)}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return response.json();
}

/** Follows the stream; resolves when what it finds is there. */
async function follow(observer: Observer): Promise<{
  readonly lives: readonly LifeRecord[];
  readonly until: (find: (rows: readonly ActorRow[]) => ActorRow | undefined) => Promise<ActorRow>;
  readonly leave: () => void;
}> {
  const control = new AbortController();
  const response = await fetch(`http://127.0.0.1:${String(observer.port)}/api/live`, {
    headers: { authorization: `Bearer ${tokenOf(observer)}` },
    signal: control.signal,
  });
  const mirror = new TableMirror();
  const lives: LifeRecord[] = [];
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  return {
    lives,
    until: async (find) => {
      for (;;) {
        const found = find([...mirror.rows.values()]);
        if (found !== undefined) return found;
        const { value = '', done } = (await reader?.read()) ?? { done: true };
        if (done) throw new Error('the stream ended');
        const parts = `${rest}${value}`.split('\n');
        rest = parts.pop() ?? '';
        for (const part of parts) {
          const line = JSON.parse(part) as LiveLine;
          if (line.k === 'life') lives.push(...line.list);
          mirror.apply(line);
        }
      }
    },
    leave: () => {
      control.abort();
    },
  };
}

describe('a viewer of supervised processes', () => {
  test('[I6.6] [R5.5] sees who crashed, why, who started it again, and how near the end of patience is', async () => {
    const system = createSystem({ name: 'printing', logger: silentLogger });
    const observer = await observe(system, { hz: 20, actions: true });
    try {
      await Supervisor.start(system, {
        name: 'Printers',
        maxRestarts: 5,
        maxSeconds: 60,
        children: [
          { id: 'w1', start: [worker] },
          { id: 'w2', start: [worker] },
        ],
      });
      const viewer = await follow(observer);
      const at =
        (path: string, inc: number) =>
        (rows: readonly ActorRow[]): ActorRow | undefined =>
          rows.find((row) => row.path === path && row.inc === inc && row.status === 'waiting');
      const first = await viewer.until(at('Printers/w1', 1));
      expect(first).toMatchObject({ name: 'w1', restarts: 0, err: null });
      const supervisor = await viewer.until((rows) => rows.find(({ path }) => path === 'Printers'));
      expect(supervisor).toMatchObject({ kind: 'supervisor', window: '0/5' });

      for (const { pid } of system.processes()) {
        if (pid.id === first.pid) system.cast(pid, { type: 'crash' });
      }
      const second = await viewer.until(at('Printers/w1', 2));
      expect(second).toMatchObject({ restarts: 1, err: 'error(Error: out of paper)' });
      expect(second.pid).not.toBe(first.pid);
      await viewer.until((rows) => rows.find(({ window }) => window === '1/5'));
      // Rows and lives may come in two pieces.
      await viewer.until((rows) =>
        viewer.lives.some(
          ({ what, path, inc, sup }) =>
            what === 'restarted' && path === 'Printers/w1' && inc === 2 && sup === 'Printers',
        )
          ? rows[0]
          : undefined,
      );

      const answer = (await ask(
        observer,
        `/api/actor?pid=${String(supervisor.pid)}`,
      )) as ActorAnswer;
      expect(answer.supervisor).toMatchObject({
        strategy: 'oneForOne',
        maxRestarts: 5,
        maxSeconds: 60,
        standing: 'below',
        entries: [{ child: 'w1', reason: 'error(Error: out of paper)' }],
        children: [{ id: 'w1' }, { id: 'w2' }],
      });

      // Who was meant is gone: nothing is done to its successor.
      const order = { do: 'restart', pid: second.pid, inc: 1, confirm: 'Printers/w1' };
      expect(await ask(observer, '/api/act', order)).toMatchObject({
        error: expect.stringContaining('incarnation 2'),
      });
      expect(await ask(observer, '/api/act', { ...order, inc: 2 })).toEqual({
        ok: true,
        outcome: 'it ended, and is started again.',
      });
      await viewer.until(at('Printers/w1', 3));
      viewer.leave();
    } finally {
      await system.stop();
    }
  });

  test('[I6.6] of a restart that nobody recorded it is said that it counts, and nothing else', async () => {
    const system = createSystem({ logger: silentLogger });
    const observer = await observe(system, { hz: 20, record: 'nothing' });
    try {
      const start = { id: 'w1', start: [worker] } as const;
      await Supervisor.start(system, { name: 'Printers', maxSeconds: 60, children: [start] });
      const viewer = await follow(observer);
      const first = await viewer.until((rows) => rows.find(({ label }) => label === 'worker'));
      for (const { pid } of system.processes()) {
        if (pid.id === first.pid) system.cast(pid, { type: 'crash' });
      }
      const { pid } = await viewer.until((rows) => rows.find(({ window }) => window === '1/3'));
      const answer = (await ask(observer, `/api/actor?pid=${String(pid)}`)) as ActorAnswer;
      expect(answer.supervisor?.entries).toEqual([
        { at: expect.any(Number), child: null, reason: null },
      ]);
      viewer.leave();
    } finally {
      await system.stop();
    }
  });
});
