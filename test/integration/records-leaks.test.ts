import { expect, test } from '@jest/globals';
import {
  createSystem,
  defineServer,
  exitReason,
  ok,
  reply,
  silentLogger,
  type Pid,
} from '@snakepit/core';
import { liveHeap } from '../fixtures/collect-garbage.ts';

const member = defineServer({
  name: 'member',
  init: (name: string) => ok(name),
  call: { name: (name: string) => reply(name, name) },
});

test('watching 10,000 processes, and no longer, leaves nothing behind', async () => {
  // Without the last messages of each, which would grow meanwhile.
  const system = createSystem({ logger: silentLogger, flightRecorder: 0 });
  const pids = Array.from({ length: 10_000 }, (_, index) => system.spawn(member, String(index)));
  const round = async (): Promise<number> => {
    const seen: number[] = [];
    const ends = [
      system.records.watch(pids, ({ seq }) => void seen.push(seq)),
      system.records.recordMessages(),
      system.records.recordLife(),
    ];
    for (const pid of pids) system.send(pid, 'hello');
    await Promise.all(pids.map((pid) => system.call(pid, { type: 'name' }, { timeout: 250_000 })));
    expect(seen).toHaveLength(20_000);
    expect(system.records.messagesSince(0).records).toHaveLength(20_000);
    for (const end of ends) end();
    expect(system.runtime.recorder).toBeUndefined();
    return liveHeap();
  };
  await round();
  // The least that could stay of a message or a watch takes more than 50 bytes, each time.
  const most = pids.length * 50;
  const growths: number[] = [];
  let before = await round();
  while (growths.length < 4 && Math.min(...growths) >= most) {
    const after = await round();
    growths.push(after - before);
    before = after;
  }
  expect(Math.min(...growths)).toBeLessThan(most);
  await system.stop();
}, 300_000);

test('who watches keeps nobody who is gone', async () => {
  const system = createSystem({ logger: silentLogger });
  const spawned = (): { readonly pid: Pid; readonly process: WeakRef<object> } => {
    const pid = system.spawn(member, 'short');
    const info = system.processInfo(pid);
    if (info === undefined) throw new Error('it is not there');
    return { pid, process: new WeakRef(info) };
  };
  const { pid, process } = spawned();
  const end = system.records.watch(pid, () => undefined);
  const gone = system.awaitExit(pid);
  system.exit(pid, exitReason.kill);
  await gone;
  // The run queue forgets who had the last turns only when others have them.
  const other = system.spawn(member, 'long');
  for (let turn = 0; turn < 64; turn++) await system.call(other, { type: 'name' });
  for (let round = 0; round < 50 && process.deref() !== undefined; round++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    liveHeap();
  }
  expect(process.deref()).toBeUndefined();
  end();
  await system.stop();
}, 120_000);

test('[I5.8] [I6.6] what is kept of a crash does not keep what crashed', async () => {
  class Resource {
    fail(cause: Error): never {
      throw new Error('it broke', { cause });
    }

    cause(): Error {
      return new Error('it was ill');
    }
  }
  const held: WeakRef<Resource>[] = [];
  const fragile = defineServer({
    name: 'fragile',
    init: () => ok(undefined),
    call: {
      fail: () => {
        const resource = new Resource();
        held.push(new WeakRef(resource));
        return resource.fail(new Resource().cause());
      },
    },
  });
  const system = createSystem({ logger: silentLogger, flightRecorder: 0 });
  const end = system.records.recordLife();
  for (let round = 0; round < 20; round++) {
    const pid = system.spawn(fragile, undefined);
    await expect(system.call(pid, { type: 'fail' })).rejects.toThrow();
  }
  for (let round = 0; round < 50 && held.some((one) => one.deref() !== undefined); round++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    liveHeap();
  }
  // Those of the last turns may be held by whoever ran them.
  expect(held.slice(0, -2).filter((one) => one.deref() !== undefined)).toEqual([]);
  expect(system.records.lifeSince(0).records.filter(({ what }) => what === 'exited')).toHaveLength(
    20,
  );
  end();
  await system.stop();
}, 120_000);
