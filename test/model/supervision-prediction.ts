import { exitReason, type ExitReason, type Pid } from '@snakepit/core';
import {
  initialTransition,
  transition,
  type AnyEventObject,
  type AnyMachineSnapshot,
} from 'xstate';
import {
  answerText,
  counted,
  isBusyWith,
  listed,
  nextSerial,
  numberOf,
  pidAt,
  pidWith,
  reasonNamed,
  slotsOf,
  tagOf,
  word,
  type Act,
  type Setting,
  type Step,
  type Wait,
  type World,
} from './supervision-world.ts';

type Params = Readonly<Record<string, unknown>>;

/** Parent of every supervisor here, by the number of its pid. */
const parent = 1;

/** Works out, with the machine alone, what the process is to do. */
export class Prediction {
  readonly #setting: Setting;
  #snapshot: AnyMachineSnapshot;
  #waiting: AnyEventObject[];
  #labels: string[];
  #dead: Map<number, ExitReason>;
  #waits: Wait[];
  #caller: string;
  #open: string[];
  #downs: AnyEventObject[] = [];
  readonly #events: AnyEventObject[] = [];
  readonly #does: string[] = [];
  readonly #asks: string[] = [];
  readonly #ends: string[] = [];
  readonly #answers: string[] = [];

  private constructor(setting: Setting, world: World) {
    this.#setting = setting;
    this.#snapshot = world.snapshot;
    this.#waiting = [...world.waiting];
    this.#labels = [...world.labels];
    this.#dead = new Map(world.dead);
    this.#waits = [...world.waits];
    this.#caller = world.caller;
    this.#open = [...world.open];
  }

  /** How a supervisor begins. */
  static begin(setting: Setting): Step {
    const [snapshot, actions] = initialTransition(setting.machine, setting.input);
    const prediction = new Prediction(setting, {
      snapshot,
      waiting: [],
      labels: setting.labels,
      dead: new Map(),
      waits: [],
      caller: '',
      open: [],
    });
    prediction.#note(actions);
    return prediction.#rest();
  }

  /** What follows from an act; nothing, if it cannot happen now. */
  static after(setting: Setting, world: World, act: Act): Step {
    const prediction = new Prediction(setting, world);
    if (act.do === 'wake') prediction.#wake(act.ms);
    else prediction.#arrive(prediction.#eventOf(act));
    return prediction.#rest();
  }

  /** Time passes: whose wait is over is told so, one after another. */
  #wake(ms: number): void {
    const later = this.#waits.map((one) => ({ ...one, leftMs: one.leftMs - ms }));
    this.#waits = later;
    for (const { serial, wait, leftMs } of later) {
      // Somebody may have ended that wait meanwhile.
      if (leftMs > 0 || !this.#waits.some((one) => one.serial === serial)) continue;
      this.#cancelWait(serial);
      this.#arrive({ type: 'backoff.over', serial, wait });
      this.#settle();
    }
  }

  #cancelWait(place: unknown): void {
    this.#waits = this.#waits.filter(({ serial }) => serial !== place);
  }

  #eventOf(act: Exclude<Act, { do: 'wake' }>): AnyEventObject {
    const { at } = this.#snapshot.context as { readonly at: number | null };
    switch (act.do) {
      case 'start':
        if (act.comesTo === 'running') {
          const starts = slotsOf(this.#snapshot).find(({ serial }) => serial === at)?.starts;
          return { type: 'child.started', serial: at, pid: pidAt(at ?? 0, starts ?? 0) };
        }
        return act.comesTo === 'ignored'
          ? { type: 'child.ignored', serial: at }
          : { type: 'child.failed', serial: at, reason: reasonNamed('boom') };
      case 'end': {
        const id = numberOf(this.#world, act.label);
        const reason = reasonNamed(act.reason);
        this.#ends.push(`${act.label} ${act.reason}`);
        this.#dead.set(id, reason);
        return { type: 'EXIT', from: pidWith(id), reason };
      }
      case 'obey':
        this.#ends.push(`${act.label} ${act.reason}`);
        return this.#down(numberOf(this.#world, act.label), reasonNamed(act.reason));
      case 'wait': {
        const delays = this.#snapshot._nodes.flatMap((node) => node.after);
        return { type: String(delays[0]?.eventType) };
      }
      case 'parent':
        return { type: 'EXIT', from: pidWith(parent), reason: exitReason.shutdown };
      case 'stop':
        return { type: 'supervisor.stop', reason: reasonNamed('boom') };
      case 'stranger':
        return { type: 'EXIT', from: pidWith(2), reason: reasonNamed('boom') };
      case 'nonsense':
        return { type: 'nonsense' };
      case 'call':
        return this.#callOf(act.verb, act.label);
    }
  }

  #callOf(verb: string, label: string): AnyEventObject {
    const from = {
      pid: undefined,
      tag: `${verb} ${label}`.trim(),
      resolve: () => undefined,
      reject: () => undefined,
    };
    if (verb === 'child.start') {
      return { type: verb, spec: this.#setting.specs[label], label, from };
    }
    if (label === '') return { type: verb, from };
    return { type: verb, id: label, pid: numberOf(this.#world, label), from };
  }

  /** A message arrives: it is handled, or it waits. */
  #arrive(event: AnyEventObject): void {
    if (isBusyWith(this.#snapshot, event)) this.#waiting.push(event);
    else this.#feed(event);
  }

  #feed(event: AnyEventObject): void {
    this.#events.push(event);
    if (tagOf(event) !== '') this.#open.push(tagOf(event));
    if (event.type === 'EXIT') this.#dead.delete((event['from'] as Pid).id);
    const before = nextSerial(this.#snapshot);
    const [next, actions] = transition(this.#setting.machine, this.#snapshot, event);
    this.#snapshot = next;
    if (nextSerial(next) > before) this.#labels[before] = String(event['label']);
    this.#note(actions);
  }

  #settle(): void {
    for (let event = this.#next(); event !== undefined; event = this.#next()) this.#feed(event);
  }

  /** All that follows without the world: what it tells itself, what its mailbox holds, who dies because it is killed. */
  #rest(): Step {
    this.#settle();
    // Who has not been served when it is gone learns of its end.
    if (this.#snapshot.status !== 'active') {
      const open = [...this.#open, ...this.#waiting.map(tagOf).filter((tag) => tag !== '')];
      for (const tag of open) this.#tell(tag, 'exit');
      this.#waiting = [];
    }
    const [events, does, asks] = [this.#events, this.#does, this.#asks];
    return { world: this.#world, events, does, asks, ends: this.#ends, answers: this.#answers };
  }

  #next(): AnyEventObject | undefined {
    if (this.#snapshot.status !== 'active') return undefined;
    const value = JSON.stringify(this.#snapshot.value);
    if (value.includes('"introducing"')) return { type: 'parent.known', parent };
    if (value.includes('"yielding"')) return { type: 'turn.came' };
    if (value.includes('"readingClock"')) return { type: 'second.read', atSecond: 0 };
    const down = this.#downs.shift();
    if (down !== undefined) return down;
    const [first] = this.#waiting;
    if (first !== undefined && !isBusyWith(this.#snapshot, first)) return this.#waiting.shift();
    return undefined;
  }

  #note(actions: readonly { readonly type: string; readonly params?: unknown }[]): void {
    for (const { type, params } of actions) this.#noteOne(type, (params ?? {}) as Params);
  }

  #noteOne(type: string, params: Params): void {
    const label = this.#labels[Number(params['serial'])] ?? '?';
    switch (type) {
      case 'startChild':
        this.#cancelWait(params['serial']);
        this.#does.push(`start ${label}`);
        return;
      case 'askChild':
        this.#end(Number(params['serial']), 'ask');
        return;
      case 'killChild':
        this.#end(Number(params['serial']), 'kill');
        return;
      case 'askAll':
        for (const { serial, shutdown } of slotsOf(this.#snapshot)) {
          this.#end(serial, shutdown === 'brutalKill' ? 'kill' : 'ask');
        }
        return;
      case 'killOverdue':
        for (const { serial, shutdown } of slotsOf(this.#snapshot)) {
          if (shutdown === params['limitMs']) this.#end(serial, 'kill');
        }
        return;
      case 'retryLater':
        this.#waiting.push({ ...params, type: 'child.retry' });
        return;
      case 'noteStart':
        this.#does.push(`${params['again'] ? 'again' : 'up'} ${label}`);
        return;
      case 'noteEnd':
        if (params['report'] !== null) {
          this.#report(params['report'] as string, label, params['reason']);
        }
        return;
      case 'noteFailure':
        this.#report('startError', label, params['reason']);
        return;
      case 'noteGivingUp':
        this.#does.push(`report shutdown ${label} reachedMaxRestartIntensity`);
        return;
      case 'noteGivenUp':
        this.#does.push(`report childGivenUp ${label} spentRestartBudget`);
        return;
      case 'waitToRestart':
        this.#waits.push({
          serial: Number(params['serial']),
          wait: Number(params['wait']),
          leftMs: Number(params['delayMs']),
        });
        return;
      case 'cancelWait':
      case 'forgetSpec':
        this.#cancelWait(params['serial']);
        return;
      case 'noteUnexpected':
        this.#does.push('unexpected');
        return;
      default:
        this.#noteAnswer(type, params);
    }
  }

  #report(about: string, label: string, reason: unknown): void {
    this.#does.push(`report ${about} ${label} ${word(reason)}`);
  }

  #noteAnswer(type: string, params: Params): void {
    const tag = tagOf(params);
    switch (type) {
      case 'holdCaller':
        this.#caller = tag;
        return;
      case 'answer':
        this.#tell(tag, answerText(params['answer']));
        return;
      case 'answerCaller':
        this.#tell(this.#caller, answerText(params['answer']));
        return;
      case 'answerList':
        this.#tell(tag, `[${listed(this.#world).join(', ')}]`);
        return;
      case 'answerCount':
        this.#tell(tag, counted(this.#world));
        return;
      case 'answerSpec':
        this.#tell(tag, params['serial'] === null ? 'notFound' : 'ok');
        return;
    }
  }

  /** A child is asked or killed; one that is dead already is told by its own reason, and its EXIT taken out. */
  #end(serial: number, how: 'ask' | 'kill'): void {
    const id = slotsOf(this.#snapshot).find((slot) => slot.serial === serial)?.pid ?? -1;
    const reason = this.#dead.get(id);
    if (reason !== undefined) {
      this.#waiting = this.#waiting.filter(
        (event) => (event['from'] as Pid | undefined)?.id !== id,
      );
      this.#dead.delete(id);
      this.#downs.unshift(this.#down(id, reason));
    } else if (how === 'ask') {
      this.#asks.push(this.#labels[serial] ?? '?');
    } else {
      this.#ends.push(`${this.#labels[serial] ?? '?'} killed`);
      this.#downs.push(this.#down(id, exitReason.killed));
    }
  }

  #down(id: number, reason: ExitReason): AnyEventObject {
    return { type: 'DOWN', ref: {}, pid: pidWith(id), reason };
  }

  #tell(tag: string, answer: string): void {
    this.#answers.push(`${tag}: ${answer}`);
    this.#open = this.#open.filter((one) => one !== tag);
  }

  get #world(): World {
    return {
      snapshot: this.#snapshot,
      waiting: this.#waiting,
      labels: this.#labels,
      dead: this.#dead,
      waits: this.#waits,
      caller: this.#caller,
      open: this.#open,
    };
  }
}
