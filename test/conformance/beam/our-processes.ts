import {
  createSystem,
  createTestClock,
  exitReason,
  ExitError,
  isSnakepitError,
  silentLogger,
  type ActorSystem,
  type Behaviour,
  type MonitorRef,
  type Pid,
  type ProcessContext,
  type TestClock,
  type TimerRef,
} from '@snakepit/core';
import { waitMs, type Command, type ProcessHistory, type ProcessStep } from './process-history.ts';
import { crash, reasonOf, textOf } from './reasons.ts';

/** Plays a history on our own processes and gives its log, in the form that the BEAM's driver writes. */
export async function playOurProcesses(history: ProcessHistory): Promise<readonly string[]> {
  const world = new World();
  try {
    return await world.play(history);
  } finally {
    await world.close();
  }
}

/** A process that reads nothing but what it is told. */
interface Held {
  readonly self: ProcessContext;
  /** Lets it read again; with an error, ends it by that. */
  readonly release: (thrown?: unknown) => void;
}

interface Input {
  readonly id: string;
  readonly world: World;
}

/** The processes of one history, and what they are called. */
class World {
  readonly #clock: TestClock = createTestClock();
  readonly #system: ActorSystem = createSystem({ clock: this.#clock, logger: silentLogger });
  readonly #lines = new Map<string, string[]>();
  #stepNumber = 0;
  readonly #pids = new Map<string, Pid>();
  readonly #ids = new Map<Pid, string>();
  readonly #monitors = new Map<string, readonly [ProcessContext, MonitorRef]>();
  readonly #labels = new Map<MonitorRef, string>();
  readonly #timers = new Map<string, TimerRef>();
  readonly #held = new Map<string, Held>();

  constructor() {
    this.#system.telemetry.on('snakepit.process.exited', (_, { pid, reason }) => {
      const id = this.#ids.get(pid);
      if (id !== undefined) this.say(id, `ends ${this.#reason(reason)}`);
    });
  }

  async play({ processes, steps }: ProcessHistory): Promise<readonly string[]> {
    for (const id of processes) this.#began(id, this.#system.spawn(bare, { id, world: this }));
    await this.#clock.advance(0);
    for (const step of steps) {
      this.#stepNumber += 1;
      this.#step(step);
      await this.#clock.advance(step.do === 'wait' ? waitMs : 0);
    }
    const ids = [...this.#pids.keys()].sort();
    return [
      ...ids.flatMap((id) => (this.#lines.get(id) ?? []).map((line) => `${id} ${line}`)),
      ...ids.map((id) => `${id} at last: ${this.#last(id)}`),
    ];
  }

  async close(): Promise<void> {
    for (const { pid } of [...this.#system.processes()]) this.#system.exit(pid, exitReason.kill);
    await this.#system.stop();
  }

  /** A process writes something down, with the step in which it happens. */
  say(id: string, text: string): void {
    const line = `${this.#stepNumber} ${text}`;
    const lines = this.#lines.get(id);
    if (lines === undefined) this.#lines.set(id, [line]);
    else lines.push(line);
  }

  /** What a process does with a message; it may be held until a promise brings what ends it, or nothing. */
  receive(id: string, message: unknown, self: ProcessContext): Promise<unknown> | undefined {
    const heard = message as Readonly<Record<string, unknown>> & { type: string };
    switch (heard.type) {
      case 'command':
        this.#command(id, heard['what'] as Command, self);
        return undefined;
      case 'hold':
        return new Promise((resolve) => {
          const release = (thrown?: unknown): void => {
            this.#held.delete(id);
            resolve(thrown);
          };
          this.#held.set(id, { self, release });
        });
      case 'EXIT':
        this.say(id, `EXIT ${this.#name(heard['from'] as Pid)} ${this.#reason(heard['reason'])}`);
        return undefined;
      case 'DOWN': {
        // A monitor that was made with its process is told by that.
        const label =
          this.#labels.get(heard['ref'] as MonitorRef) ?? this.#name(heard['pid'] as Pid);
        this.say(id, `DOWN ${label} ${this.#reason(heard['reason'])}`);
        return undefined;
      }
      default:
        this.say(id, `got ${String(heard['text'])}`);
        return undefined;
    }
  }

  #step(step: ProcessStep): void {
    if (step.do === 'wait') return;
    const pid = this.#pids.get(step.who);
    if (pid === undefined || !this.#system.isAlive(pid)) return;
    const held = this.#held.get(step.who);
    if (step.do === 'hold') this.#system.send(pid, { type: 'hold' });
    else if (step.do === 'release') held?.release();
    else if (held === undefined) this.#system.send(pid, { type: 'command', what: step.what });
    else this.#whileHeld(step.who, step.what, held);
  }

  /** What it is told while it is held happens in its callback, which is still under way. */
  #whileHeld(id: string, what: Command, { self, release }: Held): void {
    try {
      this.#command(id, what, self);
    } catch (error) {
      release(error);
    }
  }

  #command(id: string, command: Command, self: ProcessContext): void {
    if ('to' in command) {
      const pid = this.#pids.get(command.to);
      if (pid === undefined) this.say(id, `no ${command.to}`);
      else this.#about(id, command, pid, self);
      return;
    }
    switch (command.do) {
      case 'spawn':
        this.#spawn(command, self);
        return;
      case 'trap':
        self.trapExit(command.on);
        return;
      case 'die':
        if (command.how === 'raise') throw crash;
        return self.exit(command.how === 'exit' ? reasonOf(command.reason) : exitReason.normal);
      case 'demonitor': {
        const [owner, ref] = this.#monitors.get(command.ref) ?? [];
        if (ref === undefined || owner !== self) this.say(id, 'no monitor');
        else self.demonitor(ref, { flush: command.flush });
        return;
      }
      case 'cancel': {
        const timer = this.#timers.get(command.timer);
        if (timer === undefined) this.say(id, 'no timer');
        else this.say(id, `cancel ${self.cancelTimer(timer) === false ? 'too late' : 'in time'}`);
        return;
      }
      default:
        this.#aboutName(id, command, self);
    }
  }

  #spawn({ id, how }: Command & { do: 'spawn' }, self: ProcessContext): void {
    const options = how === 'link' ? { link: true } : how === 'monitor' ? { monitor: true } : {};
    this.#began(id, self.spawn(bare, { id, world: this }, options));
  }

  #about(
    id: string,
    command: Extract<Command, { to: string }>,
    pid: Pid,
    self: ProcessContext,
  ): void {
    switch (command.do) {
      case 'link':
        this.#tried(id, 'link', () => {
          self.link(pid);
        });
        return;
      case 'unlink':
        self.unlink(pid);
        return;
      case 'alive':
        this.say(id, `alive ${String(this.#system.isAlive(pid))}`);
        return;
      case 'exit':
        self.exit(pid, reasonOf(command.reason));
        return;
      case 'send':
        self.send(pid, { type: 'text', text: command.text });
        return;
      case 'monitor':
        this.#keepMonitor(command.ref, self, self.monitor(pid));
        return;
      case 'after':
        this.#tried(id, 'timer', () => {
          const { ms, text, timer } = command;
          this.#timers.set(timer, self.sendAfter(ms, { type: 'text', text }, pid));
        });
    }
  }

  #aboutName(id: string, command: Extract<Command, { name: string }>, self: ProcessContext): void {
    const { name } = command;
    switch (command.do) {
      case 'afterName':
        this.#tried(id, 'timer', () => {
          const { ms, text, timer } = command;
          this.#timers.set(timer, self.sendAfter(ms, { type: 'text', text }, name));
        });
        return;
      case 'monitorName':
        // Nobody hears of its own end.
        if (this.#system.whereis(name) === self.pid) this.say(id, 'itself');
        else this.#keepMonitor(command.ref, self, self.monitor(name));
        return;
      case 'sendName':
        this.#tried(id, 'send', () => {
          self.send(name, { type: 'text', text: command.text });
        });
        return;
      case 'register':
        this.#tried(id, 'register', () => {
          self.register(name);
        });
        return;
      case 'unregister':
        this.#tried(id, 'unregister', () => {
          self.unregister(name);
        });
        return;
      case 'whereis': {
        const pid = this.#system.whereis(name);
        this.say(id, `whereis ${pid === undefined ? 'nobody' : this.#name(pid)}`);
      }
    }
  }

  /** What can fail: only whether it does is written down. */
  #tried(id: string, what: string, attempt: () => void): void {
    try {
      attempt();
      this.say(id, `${what} ok`);
    } catch (error) {
      if (error instanceof ExitError) this.say(id, `${what} ${this.#reason(error.reason)}`);
      else if (isSnakepitError(error)) this.say(id, `${what} badarg`);
      else throw error;
    }
  }

  #keepMonitor(label: string, owner: ProcessContext, ref: MonitorRef): void {
    this.#monitors.set(label, [owner, ref]);
    this.#labels.set(ref, label);
  }

  #began(id: string, pid: Pid): void {
    this.#pids.set(id, pid);
    this.#ids.set(pid, id);
  }

  #name(pid: Pid): string {
    return this.#ids.get(pid) ?? '?';
  }

  #reason(reason: unknown): string {
    return textOf(reason as never, (pid) => this.#name(pid));
  }

  #last(id: string): string {
    const pid = this.#pids.get(id);
    const info = pid === undefined ? undefined : this.#system.processInfo(pid);
    if (info === undefined) return 'gone';
    const links = info.linkedPids.map((peer) => this.#name(peer)).sort();
    return `linked [${links.join(' ')}] watched ${info.monitorCount} named ${info.name ?? '-'} waiting ${info.mailboxLength}`;
  }
}

/** A process without any behaviour of its own: not even the end of its parent means anything to it. */
const bare: Behaviour<Input> = {
  kind: 'actor',
  label: 'bare',
  createInstance: (process, { id, world }) => ({
    stateValue: 'active',
    state: undefined,
    start: () => {
      process.acknowledge();
    },
    receive: (message) => {
      const held = world.receive(id, message, process.context);
      if (held === undefined) return;
      const end = (thrown: unknown): void => {
        if (thrown !== undefined) throw thrown as Error;
      };
      process.hold(held, end, end);
    },
    dispose: () => undefined,
  }),
};
