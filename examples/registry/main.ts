import {
  Agent,
  createSystem,
  defineServer,
  noreply,
  ok,
  Registry,
  reply,
  silentLogger,
  sys,
} from '@snakepit/core';
import { DynamicSupervisor, Supervisor } from '@snakepit/supervisor';

/** A chat room: found by its number, tells everybody who listens. */
const room = defineServer({
  name: 'room',
  init: (number: number) => ok({ number, lines: 0 }),
  call: {
    say: (state, line: string, self) => {
      Registry.dispatch(self.system, 'topics', ['room', state.number], (entries) => {
        for (const { pid } of entries) self.send(pid, line);
      });
      return reply(state.lines + 1, { ...state, lines: state.lines + 1 });
    },
  },
});

/** Somebody who listens to a room and writes down what is said. */
const listener = defineServer({
  name: 'listener',
  init: ({ name, number }: { name: string; number: number }, self) => {
    Registry.register(self, 'topics', ['room', number], name);
    return ok(name);
  },
  info: (name, line, self) => {
    Agent.cast(Agent.at<string[]>(self.system, 'diary'), (lines) => [
      ...lines,
      `${name}: ${String(line)}`,
    ]);
    return noreply(name);
  },
});

// Without a logger of your own, crash reports go to the console.
const system = createSystem({ logger: silentLogger });
await Supervisor.start(system, {
  strategy: 'restForOne', // whoever is registered is started after the registry
  children: [
    { id: 'rooms', start: [Registry, { name: 'rooms', keys: 'unique' }], type: 'supervisor' },
    { id: 'topics', start: [Registry, { name: 'topics', keys: 'duplicate' }], type: 'supervisor' },
    { id: 'diary', name: 'diary', start: [Agent, (): string[] => []] },
    { id: 'all rooms', start: [DynamicSupervisor, { name: 'all rooms' }], type: 'supervisor' },
  ],
});

// A room is started once, under a key: a second one of that number is refused.
const rooms = DynamicSupervisor.at(system, 'all rooms');
const spec = { id: 'room', start: [room, 7], name: { via: ['rooms', 7] } } as const;
console.log('started:', (await DynamicSupervisor.startChild(rooms, spec)).ok);
const again = await DynamicSupervisor.startChild(rooms, spec);
console.log('started again:', again.ok, again.ok ? '' : again.error.kind);

for (const name of ['Ann', 'Bob']) await system.start(listener, { name, number: 7 });
const room7 = { via: ['rooms', 7] } as const; // as good as a pid, and still right after a restart
console.log('lines:', await system.call(room7, { type: 'say', arg: 'hello' }));
const listeners = Registry.lookup(system, 'topics', ['room', 7]);
console.log(
  'listening:',
  listeners.map(({ value }) => value),
);

// Asked after the line was sent to them, they have had it when they answer.
for (const { pid } of listeners) await sys.getState(system, pid);
console.log(await Agent.get(Agent.at<string[]>(system, 'diary'), (lines) => lines));

// Who is gone is registered no more, and nobody has to see to it.
const before = system.whereis(room7);
if (before === undefined) throw new Error('room 7 is not there');
system.exit(before, { kind: 'kill' });
await system.awaitExit(before);
await DynamicSupervisor.countChildren(rooms); // answers when the room is back
console.log('another process:', system.whereis(room7) !== before);
console.log('rooms:', Registry.count(system, 'rooms'));
await system.stop();
