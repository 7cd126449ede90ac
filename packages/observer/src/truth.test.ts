import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { exitReason, type Pid } from '@snakepit/core';
import { keeper, light, parent } from './actors.fixture.ts';
import type { LiveLine } from './protocol.ts';
import { agrees, expectNoGap, observed } from './table-truth.fixture.ts';
import { read } from './viewer.fixture.ts';

describe('the truth', () => {
  /** A generator of numbers that are the same in each run. */
  function numbersOf(seed: string): (below: number) => number {
    let count = 0;
    return (below) => {
      count += 1;
      const digest = createHash('sha256')
        .update(`${seed}${String(count)}`)
        .digest();
      return digest.readUInt32BE(0) % below;
    };
  }

  test('[I6.6] after 10,000 births, deaths, transitions, stalls and reconnects a table is what there is', () =>
    observed(async (observer, system) => {
      const seed = `truth ${String(Date.now())}`;
      const pick = numbersOf(seed);
      const top = await system.start(parent, undefined);
      const alive: Pid[] = [];
      let reader = await read(observer, '?viewer=me');
      let all: LiveLine[] = reader.lines;
      const steps: (() => Promise<void> | void)[] = [
        () => void alive.push(system.spawn(keeper, 0)),
        () => void alive.push(system.spawn(light)),
        async () => void alive.push(await top.call.spawn(1)),
        () => {
          const [pid] = alive.splice(pick(alive.length), 1);
          if (pid !== undefined) system.exit(pid, exitReason.kill);
        },
        ...[0, 1, 2, 3].map(() => () => {
          const pid = alive[pick(alive.length)];
          if (pid !== undefined) system.send(pid, { type: 'toggle' });
        }),
      ];
      const disturbances: (() => Promise<void> | void)[] = [
        () => {
          reader.stall();
        },
        () => {
          reader.goOn();
        },
        async () => {
          reader.leave();
          await reader.ended;
          const { seq, epoch } = reader.mirror;
          const query = `?viewer=me&since=${String(seq)}&epoch=${epoch}`;
          reader = await read(observer, query, reader.mirror);
          all = reader.lines;
        },
      ];
      for (let step = 0; step < 10_000; step += 1) {
        await steps[pick(steps.length)]?.();
        if (step % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
        if (step % 500 === 0) await disturbances[pick(disturbances.length)]?.();
      }
      reader.goOn();
      try {
        await agrees(reader, system);
      } catch (error) {
        throw new Error(`with the seed ${seed}`, { cause: error });
      }
      expectNoGap(all);
      expect(reader.mirror.rows.size).toBeGreaterThan(500);
      reader.leave();
    }));
});
