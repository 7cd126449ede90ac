import {
  createSystem,
  createTestClock,
  defineServer,
  exitReason,
  noreply,
  ok,
  silentLogger,
  stop,
  type ActorSystem,
  type ExitReason,
  type Pid,
  type TestClock,
} from '@snakepit/core';
import { Supervisor, type ChildSpec, type SupervisorRef } from '@snakepit/supervisor';

/** When a child's start, or its end, goes on. */
export type Gate = (label: string) => Promise<unknown>;

/** What of a tree is written down while it is raced. */
export class RacedTree {
  readonly clock: TestClock = createTestClock();
  readonly system: ActorSystem = createSystem({ clock: this.clock, logger: silentLogger });
  /** How often each caller was answered, and with what. */
  readonly answers = new Map<string, string[]>();
  /** How often the end of each process was told by its monitor, and by its link. */
  readonly downs = new Map<Pid, number>();
  readonly exits = new Map<Pid, number>();
  /** Every process that began. */
  readonly began: Pid[] = [];
  readonly #gate: Gate | undefined;
  readonly #watcher: Pid;
  #calls = 0;

  /** @param gate - Where children wait; default: they do not. */
  constructor(gate?: Gate) {
    this.#gate = gate;
    this.#watcher = this.system.spawn(watcher, this);
  }

  /** A child that is registered under its id. */
  child(id: string, spec: Partial<ChildSpec> = {}): ChildSpec {
    return { id, name: id, shutdown: 5_000, start: [child, { id, tree: this }], ...spec };
  }

  /** Makes a call; what it brings is kept. */
  ask(what: string, call: () => Promise<unknown>): string {
    const caller = `${this.#calls++} ${what}`;
    const told: string[] = [];
    this.answers.set(caller, told);
    call().then(
      (answer) => told.push(textOf(answer)),
      () => told.push('exit'),
    );
    return caller;
  }

  /** Where a child waits for its turn. */
  async wait(label: string): Promise<void> {
    await this.#gate?.(label);
  }

  /** A process has begun. */
  begun(pid: Pid): void {
    this.began.push(pid);
    this.system.send(this.#watcher, { watch: pid });
  }

  /** The processes there are, but the one that watches. */
  alive(): readonly Pid[] {
    return [...this.system.processes()]
      .map(({ pid }) => pid)
      .filter((pid) => pid !== this.#watcher);
  }

  /** Lets all that is under way come to rest. */
  async rest(): Promise<void> {
    for (let round = 0; round < 3; round++) await this.clock.advance(0);
  }

  /** Ends what is left; nothing may be. */
  async close(): Promise<{ readonly processes: number; readonly timers: number }> {
    const processes = this.alive().length;
    const timers = this.clock.pending;
    for (const { pid } of [...this.system.processes()]) this.system.exit(pid, exitReason.kill);
    await this.system.stop();
    return { processes, timers };
  }
}

/** A supervisor's children as it lists them, and as the system has them. */
export async function consistencyOf(tree: SupervisorRef, raced: RacedTree): Promise<object> {
  const list = await Supervisor.whichChildren(tree);
  const counts = await Supervisor.countChildren(tree);
  const listed = list.flatMap(({ pid }) => (typeof pid === 'object' ? [pid] : []));
  const living = raced.alive().filter((pid) => pid !== tree.pid);
  return {
    specs: list.length - counts.specs,
    active: listed.length - counts.active,
    unlisted: living.filter((pid) => !listed.includes(pid)).length,
    dead: listed.filter((pid) => !raced.system.isAlive(pid)).length,
    unnamed: list.filter(
      ({ id, pid }) =>
        raced.system.whereis(id as string) !== (pid === 'restarting' ? undefined : pid),
    ).length,
  };
}

/** What {@link consistencyOf} gives when all is well. */
export const consistent = { specs: 0, active: 0, unlisted: 0, dead: 0, unnamed: 0 };

function textOf(answer: unknown): string {
  if (Array.isArray(answer)) return 'list';
  const { error } = (answer ?? {}) as { error?: { kind: string } };
  return error?.kind ?? 'ok';
}

interface ChildInput {
  readonly id: string;
  readonly tree: RacedTree;
}

/** A child that waits for its turn when it starts and when it ends. */
const child = defineServer({
  name: 'child',
  trapExit: true,
  init: async ({ id, tree }: ChildInput, self) => {
    tree.begun(self.pid);
    // Must end with it.
    self.sendAfter(60_000, 'never');
    await tree.wait(`init ${id}`);
    return ok({ id, tree });
  },
  info: (state, message) => {
    const { endWith } = message as { endWith?: ExitReason };
    return endWith === undefined ? noreply(state) : stop(endWith, state);
  },
  terminate: ({ id, tree }) => tree.wait(`terminate ${id}`),
});

/** Watches every process, by a monitor and by a link. */
const watcher = defineServer({
  name: 'watcher',
  trapExit: true,
  init: (tree: RacedTree) => ok(tree),
  info: (tree, message, self) => {
    const heard = message as { watch?: Pid; type?: string; pid?: Pid; from?: Pid };
    if (heard.watch !== undefined) {
      self.monitor(heard.watch);
      self.link(heard.watch);
    } else if (heard.type === 'DOWN' && heard.pid !== undefined) {
      tree.downs.set(heard.pid, (tree.downs.get(heard.pid) ?? 0) + 1);
    } else if (heard.type === 'EXIT' && heard.from !== undefined) {
      tree.exits.set(heard.from, (tree.exits.get(heard.from) ?? 0) + 1);
    }
    return noreply(tree);
  },
});
