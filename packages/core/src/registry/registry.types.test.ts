// Checked by the compiler alone: nothing here runs.
import {
  Registry,
  type ActorSystem,
  type Pid,
  type ProcessContext,
  type Target,
} from '../index.ts';

export async function typedRegistries(system: ActorSystem, self: ProcessContext): Promise<void> {
  const pid: Pid = await Registry.start(system, { name: 'rooms', keys: 'unique' });

  const result = Registry.register(self, 'rooms', ['room', 7], { seats: 4 });
  const holder: Pid = result.ok ? result.pid : result.error.pid;
  const untyped: readonly { readonly pid: Pid; readonly value: unknown }[] = Registry.lookup(
    system,
    'rooms',
    ['room', 7],
  );
  for (const { value } of Registry.lookup<{ seats: number }>(system, 'rooms', 'x')) {
    use(value.seats);
  }
  Registry.dispatch<{ seats: number }>(system, 'rooms', 'x', (entries) => {
    for (const { value } of entries) use(value.seats);
  });
  const updated = Registry.updateValue<number>(self, 'rooms', 'n', (old) => old + 1);
  if (updated.ok) use(updated.new + updated.old);
  const room: Target = { via: ['rooms', { floor: 1, number: 7 }] };
  const found: Pid | undefined = system.whereis({ via: ['rooms', 7n] });

  // @ts-expect-error -- keys are unique or duplicate
  await Registry.start(system, { name: 'rooms', keys: 'bag' });
  // @ts-expect-error -- it must be said which
  await Registry.start(system, { name: 'rooms' });
  // @ts-expect-error -- a process registers itself, not a pid
  Registry.register(pid, 'rooms', 'x'); // eslint-disable-line @typescript-eslint/no-unsafe-class-instance-assignment -- that is the point
  // @ts-expect-error -- a date does not show its value by its members
  Registry.register(self, 'rooms', new Date(0));
  // @ts-expect-error -- nor does a function
  Registry.register(self, 'rooms', () => 1);
  // @ts-expect-error -- of which type a value is must be said
  use(untyped[0]?.value.seats);
  // @ts-expect-error -- a registry and a key are needed
  const half: Target = { via: ['rooms'] };

  use(holder, room, found, half);
}

function use(...values: readonly unknown[]): void {
  if (values.length === 0) throw new Error('there are values');
}
