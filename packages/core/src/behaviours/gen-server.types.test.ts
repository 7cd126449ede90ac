// Checked by the compiler alone: nothing here runs.
import { defineServer, noreply, ok, reply, stop, exitReason, type ActorSystem } from '../index.ts';

const counter = defineServer({
  init: (start: number) => ok({ n: start }),
  call: {
    get: (state) => reply(state.n, state),
    add: (state, by: number) => reply(state.n + by, { n: state.n + by }),
    find: async (state, key?: string) => {
      await Promise.resolve();
      return key === undefined ? noreply(state) : reply({ key }, state);
    },
    end: (state) => stop(exitReason.normal, state, { reply: 'bye' }),
  },
  cast: {
    reset: () => noreply({ n: 0 }),
    set: (_state, n: number) => noreply({ n }),
  },
});

export async function typedReferences(system: ActorSystem): Promise<void> {
  const ref = await system.start(counter, 1);

  const got: number = await ref.call.get();
  const added: number = await ref.call.add(2, { timeout: 10 });
  const found: { key: string } = await ref.call.find();
  const alsoFound: { key: string } = await ref.call.find('x');
  ref.cast.reset();
  ref.cast.set(got + added);

  // @ts-expect-error -- the argument is a number
  await ref.call.add('x');
  // @ts-expect-error -- the argument is missing
  await ref.call.add();
  // @ts-expect-error -- get takes no argument
  await ref.call.get(1);
  // @ts-expect-error -- there is no such call
  use(ref.call.subtract);
  // @ts-expect-error -- a cast is not a call
  use(ref.call.reset);
  // @ts-expect-error -- there is no such cast
  use(ref.cast.add);
  // @ts-expect-error -- the argument of a cast is typed too
  ref.cast.set('x');
  // @ts-expect-error -- the reply is a number
  const wrong: string = await ref.call.get();
  // @ts-expect-error -- the input is a number
  await system.start(counter, 'one');
  // @ts-expect-error -- the input is missing
  await system.start(counter);
  // @ts-expect-error -- nor may it be left out here
  system.spawn(counter);
  await system.start(defineServer({ init: (start?: number) => ok(start ?? 0) }));
  await system.start(defineServer({ init: () => ok(0) }), undefined, { name: 'none' });

  defineServer({
    init: () => ok({ n: 0 }),
    // @ts-expect-error -- the new state is no state of this server
    call: { get: (state) => reply(state.n, 'not a state') },
  });
  defineServer({
    init: () => ok({ n: 0 }),
    // @ts-expect-error -- a cast has nobody to answer
    cast: { get: (state) => reply(state.n, state) },
  });

  const plain = await system.start(defineServer({ init: () => ok(0) }));
  // @ts-expect-error -- a server without calls has none
  use(plain.call.get);

  use(found, alsoFound, wrong);
}

function use(...values: readonly unknown[]): void {
  if (values.length === 0) throw new Error('there are values');
}
