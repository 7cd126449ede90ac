// Checked by the compiler alone: nothing here runs.
import { Agent, type ActorSystem, type AgentRef, type Spawnable } from '../index.ts';

export async function typedAgents(system: ActorSystem): Promise<void> {
  const counter: AgentRef<number> = await Agent.start(system, () => 0);
  const list = await Agent.start(system, async () => {
    await Promise.resolve();
    return [{ id: 'a' }];
  });

  const n: number = await Agent.get(counter, (state) => state + 1);
  const id: string | undefined = await Agent.get(list, (state) => state[0]?.id);
  const text: string = await Agent.get(counter, async (state) => {
    await Promise.resolve();
    return String(state);
  });
  await Agent.update(list, (state) => [...state, { id: 'b' }]);
  const taken: string = await Agent.getAndUpdate(counter, (state) => [String(state), state + 1], {
    timeout: 10,
  });
  Agent.cast(counter, (state) => state + 1);
  const named = Agent.at<{ readonly size: number }>(system, 'named');
  const size: number = await Agent.get(named, (state) => state.size);
  const child: readonly [Spawnable<never>, unknown] = [Agent, () => 0];

  await Agent.get(counter, (state) => {
    // @ts-expect-error -- the state is a number
    use(state.length);
  });
  // @ts-expect-error -- the next state is a number too
  await Agent.update(counter, (state) => String(state));
  // @ts-expect-error -- and of an async function as well
  Agent.cast(counter, (state) => Promise.resolve(String(state)));
  // @ts-expect-error -- an answer and a next state are needed
  await Agent.getAndUpdate(counter, (state) => state);
  // @ts-expect-error -- the answer is a number
  const wrong: string = await Agent.get(counter, (state) => state);
  // @ts-expect-error -- an agent of texts is not one of numbers
  const other: AgentRef<string> = counter;
  // @ts-expect-error -- a state is made by a function
  await Agent.start(system, 0);

  use(n, id, text, taken, size, child, wrong, other);
}

function use(...values: readonly unknown[]): void {
  if (values.length === 0) throw new Error('there are values');
}
