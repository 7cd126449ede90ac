// Checked by the compiler alone: nothing here runs.
import type { ActorSystem } from '@snakepit/core';
import { Application, defineApplication, Supervisor, type DefinedApplication } from './index.ts';

const base = defineApplication({ name: 'base' });

const shop = defineApplication({
  name: 'shop',
  dependencies: [base],
  start: async ({ port }: { port: number }, self) => {
    await Promise.resolve(self.pid);
    return { top: [Supervisor, { name: 'shop', children: [] }], state: { port, open: true } };
  },
  prepStop: (state) => ({ ...state, open: false }),
  stop: (state) => {
    const all: { port: number; open: boolean } = state;
    use(all);
    // @ts-expect-error -- there is no such thing in the state
    use(state.money);
  },
});

const plain = defineApplication({
  name: 'plain',
  // What needs arguments can be depended on.
  dependencies: [base, shop],
  start: () => [Supervisor, { children: [] }],
  prepStop: () => undefined,
  stop: async () => {
    await Promise.resolve();
  },
});

const handing = defineApplication({
  name: 'handing',
  start: () => ({ top: [Supervisor, {}], state: 1 }),
  prepStop: async (state) => Promise.resolve(state + 1),
  stop: (state) => {
    const n: number = state;
    use(n);
  },
});

const choosy = defineApplication({
  name: 'choosy',
  start: (args?: { readonly port: number }) => [Supervisor, { name: String(args?.port) }],
});

defineApplication({
  name: 'junk',
  // @ts-expect-error -- nothing that can be started
  start: () => 17,
});

export async function starts(system: ActorSystem): Promise<void> {
  await Application.start(system, shop, { args: { port: 80 } });
  await Application.start(system, shop, { args: { port: 80 }, type: 'permanent' });
  // @ts-expect-error -- the arguments are missing
  await Application.start(system, shop);
  // @ts-expect-error -- the arguments are missing
  await Application.start(system, shop, { type: 'permanent' });
  // @ts-expect-error -- of another type
  await Application.start(system, shop, { args: { port: '80' } });
  await Application.start(system, plain);
  await Application.start(system, plain, { type: 'transient' });
  // @ts-expect-error -- it takes none
  await Application.start(system, plain, { args: 1 });
  // @ts-expect-error -- no such type
  await Application.start(system, plain, { type: 'eternal' });
  await Application.start(system, choosy);
  await Application.start(system, choosy, { args: { port: 1 } });

  await Application.ensureAllStarted(system, [base, plain, handing, choosy]);
  // @ts-expect-error -- it gives no arguments, and this one needs some
  await Application.ensureAllStarted(system, shop);
  await Application.stop(system, shop);
  const list: readonly DefinedApplication[] = [base, plain, handing];
  for (const one of list) await Application.start(system, one);
}

export function listens({ telemetry }: ActorSystem): void {
  telemetry.on('snakepit.application.stopped', (_, { application, reason, byItself }) => {
    use([application.length, reason.kind, !byItself]);
  });
}

function use(value: unknown): unknown {
  return value;
}
