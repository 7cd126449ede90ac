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
  type Behaviour,
  type ExitReason,
  type Pid,
  type ProcessContext,
  type StartResult,
  type TestClock,
} from '@snakepit/core';
import type { AnyMachineSnapshot } from 'xstate';
import {
  answerText,
  reasonNamed,
  slotsOf,
  word,
  type Act,
  type Reason,
  type Step,
} from './supervision-world.ts';

/** What was seen of a step on the real process; compared with what the chart says. */
export type Seen = Pick<Step, 'does' | 'asks' | 'ends' | 'answers'> & {
  readonly value: unknown;
  readonly children: readonly (readonly [serial: number, status: string])[];
  readonly end: string | undefined;
};

/** What the supervisor is made of, given start functions for its children. */
export interface RealSetting {
  readonly behaviour: Behaviour<never>;
  readonly inputOf: (startOf: (label: string) => unknown) => object;
  readonly specOf: (label: string, startOf: (label: string) => unknown) => object;
}

interface Shown {
  readonly id: unknown;
  readonly pid: Pid | 'restarting' | 'failed' | undefined;
}

interface ChildInput {
  readonly label: string;
  readonly of: SupervisedProcess;
}

/** A real supervisor whose children start, end and obey as they are told. */
export class SupervisedProcess {
  readonly #clock: TestClock = createTestClock();
  readonly #system: ActorSystem;
  readonly #setting: RealSetting;
  readonly #pid: Pid;
  readonly #labels = new Map<Pid, string>();
  readonly #pids = new Map<string, Pid>();
  readonly #obeying = new Map<string, (reason: ExitReason) => void>();
  #settle: ((comesTo: string) => void) | undefined;
  #does: string[] = [];
  #asks: string[] = [];
  #ends: string[] = [];
  #answers: string[] = [];
  #end: string | undefined;

  constructor(setting: RealSetting) {
    this.#setting = setting;
    const logger = {
      ...silentLogger,
      warn: (message: string) => {
        if (message.includes('unexpected')) this.#does.push('unexpected');
      },
    };
    this.#system = createSystem({ clock: this.#clock, logger });
    this.#listen();
    const input = setting.inputOf((label) => this.#startOf(label));
    this.#pid = this.#system.spawn(setting.behaviour, input as never);
    void this.#system.awaitExit(this.#pid).then((reason) => {
      this.#end = word(reason);
    });
  }

  #listen(): void {
    const { telemetry } = this.#system;
    telemetry.on('snakepit.process.exited', (_, { pid, reason }) => {
      const label = this.#labels.get(pid);
      if (label !== undefined) this.#ends.push(`${label} ${word(reason)}`);
    });
    telemetry.on('snakepit.supervisor.report', (_, { context, reason, offender }) => {
      const why = typeof reason === 'string' ? reason : word(reason);
      this.#does.push(`report ${context} ${labelOf(offender.id)} ${why}`);
    });
    telemetry.on('snakepit.supervisor.child.started', (_, { id }) => {
      this.#does.push(`up ${labelOf(id)}`);
    });
    telemetry.on('snakepit.supervisor.child.restarted', (_, { id }) => {
      // Told besides that it was started.
      this.#does.splice(-1, 1, `again ${labelOf(id)}`);
    });
  }

  /** The start function of a child: it settles when the world says so. */
  #startOf(label: string): (self: ProcessContext) => Promise<StartResult> {
    return (self) => {
      this.#does.push(`start ${label}`);
      return new Promise((resolve) => {
        this.#settle = (comesTo) => {
          if (comesTo === 'failed') resolve({ ok: false, reason: reasonNamed('boom') });
          else if (comesTo === 'ignored') resolve({ ok: true, pid: undefined });
          else self.startLink(child, { label, of: this }, {}, resolve);
        };
      });
    };
  }

  /** A child runs. */
  began(label: string, pid: Pid): void {
    this.#labels.set(pid, label);
    this.#pids.set(label, pid);
  }

  /** A child is asked to end; brings the reason with which it does. */
  asked(label: string): Promise<ExitReason> {
    this.#asks.push(label);
    return new Promise((resolve) => {
      this.#obeying.set(label, resolve);
    });
  }

  /** Does what the world does. */
  async act(act: Act): Promise<void> {
    switch (act.do) {
      case 'start':
        this.#settle?.(act.comesTo);
        break;
      case 'end':
        this.#system.send(this.#pidOf(act.label), { endWith: act.reason });
        break;
      case 'obey':
        this.#obeying.get(act.label)?.(reasonNamed(act.reason));
        break;
      case 'wait':
      case 'wake':
        await this.#clock.advance(act.ms);
        return;
      case 'parent':
        this.#system.exit(this.#pid, exitReason.shutdown);
        break;
      case 'stop':
        this.#system.send(this.#pid, { type: 'supervisor.stop', reason: reasonNamed('boom') });
        break;
      case 'stranger':
        this.#system.spawn(stranger, this.#pid);
        break;
      case 'nonsense':
        this.#system.send(this.#pid, { type: 'nonsense' });
        break;
      case 'call':
        this.#call(act.verb, act.label);
    }
  }

  /** What is seen, since the last look, when all has come to rest. */
  async look(): Promise<Seen> {
    await this.#clock.advance(0);
    const info = this.#system.processInfo(this.#pid);
    const snapshot = info?.state as AnyMachineSnapshot | undefined;
    const seen = {
      does: this.#does,
      asks: this.#asks,
      ends: this.#ends,
      answers: this.#answers,
      value: info?.stateValue,
      children:
        snapshot === undefined
          ? []
          : slotsOf(snapshot).map(({ serial, status }) => [serial, status] as const),
      end: this.#end,
    };
    [this.#does, this.#asks, this.#ends, this.#answers] = [[], [], [], []];
    return seen;
  }

  /** Ends everything; tells what is left of processes and timers. */
  async close(): Promise<readonly number[]> {
    for (const { pid } of [...this.#system.processes()]) this.#system.exit(pid, exitReason.kill);
    await this.#system.stop();
    return [[...this.#system.processes()].length, this.#clock.pending];
  }

  #call(verb: string, label: string): void {
    const pid = this.#pids.get(label)?.id ?? -1;
    const spec =
      verb === 'child.start'
        ? { spec: this.#setting.specOf(label, (one) => this.#startOf(one)) }
        : {};
    const about = label === '' ? {} : { id: label, pid, ...spec };
    const tag = `${verb} ${label}`.trim();
    this.#system.call(this.#pid, { type: verb, ...about }, { timeout: Infinity }).then(
      (answer) => this.#answers.push(`${tag}: ${this.#textOf(answer)}`),
      () => this.#answers.push(`${tag}: exit`),
    );
  }

  #textOf(answer: unknown): string {
    if (Array.isArray(answer)) {
      return `[${(answer as Shown[]).map((one) => this.#shown(one)).join(', ')}]`;
    }
    const given = answer as Readonly<Record<string, unknown>> & { error?: { kind: string } };
    if ('specs' in given) {
      return `${String(given['specs'])} specs, ${String(given['active'])} active`;
    }
    if (given.error !== undefined) {
      const { kind } = given.error;
      const refusal = { kind: refusals.has(kind) ? kind : 'invalidSpec' };
      return answerText({ kind: 'refused', refusal });
    }
    if (!('pid' in given)) return 'ok';
    return given['pid'] === undefined ? 'ignored' : 'started';
  }

  #shown({ id, pid }: Shown): string {
    const label = typeof pid === 'object' ? this.#labels.get(pid) : undefined;
    return `${label ?? labelOf(id)} ${typeof pid === 'object' ? 'up' : String(pid)}`;
  }

  #pidOf(label: string): Pid {
    const pid = this.#pids.get(label);
    if (pid === undefined) throw new Error(`${label} never ran`);
    return pid;
  }
}

/** Ids are labels; in a dynamic supervisor children have none. */
function labelOf(id: unknown): string {
  return typeof id === 'string' ? id : '?';
}

const refusals = new Set([
  ...['alreadyStarted', 'alreadyPresent', 'startFailed', 'notFound', 'noChildIds'],
  ...['running', 'restarting', 'maxChildren'],
]);

/** A child that ends when it is told to, and obeys when the world says so. */
const child = defineServer({
  name: 'child',
  trapExit: true,
  init: ({ label, of }: ChildInput, self) => {
    of.began(label, self.pid);
    return ok({ label, of, asked: true });
  },
  info: (state, message) => {
    const { endWith } = message as { endWith?: Reason };
    return endWith === undefined
      ? noreply(state)
      : stop(reasonNamed(endWith), { ...state, asked: false });
  },
  terminate: async ({ label, of, asked }, _, self) => {
    if (asked) self.exit(await of.asked(label));
  },
});

/** Sends an exit signal to a process that is not its child. */
const stranger = defineServer({
  name: 'stranger',
  init: (to: Pid, self) => {
    self.exit(to, reasonNamed('boom'));
    return stop(exitReason.normal);
  },
});
