import {
  exitReason,
  isExitReason,
  MonitorRef,
  Pid,
  type DownMessage,
  type ExitReason,
  type ProcessContext,
  type ProcessName,
  type StartResult,
  type TimerRef,
} from '@snakepit/core';
import { keyOfId } from './child-id.ts';
import type { CompleteChildSpec } from './child-spec.ts';
import { supervisorError } from './errors.ts';
import { showValue } from './plain-values.ts';
import type { BackoffMessage, SupervisorFact } from './requests.ts';

/** A behaviour whose input says under which name its process is registered. */
export interface NamedByInput {
  /** The name, if the input has one. */
  nameIn(input: unknown): ProcessName | undefined;
}

/**
 * What a supervisor holds of its children and no chart may: specs with their start functions, pids, monitors.
 *
 * Found by place; the chart beside it says what to do with them.
 */
export class ChildHandles {
  readonly #self: ProcessContext;
  readonly #extraArguments: readonly unknown[];
  readonly #specs = new Map<number, CompleteChildSpec>();
  readonly #pids = new Map<number, Pid>();
  /** How many children have the same name; counted only once somebody has looked. */
  #namesakes: Map<string, number> | undefined;
  /** Made when it is needed, as the waits: most children are never asked to end. */
  #asked: Set<Pid> | undefined;
  #waits: Map<number, TimerRef> | undefined;
  #junk: { readonly serial: number; readonly value: unknown } | undefined;

  /**
   * @param self - The supervisor.
   * @param extraArguments - Come before each child's own (OTP DYN-015).
   */
  constructor(self: ProcessContext, extraArguments: readonly unknown[] = []) {
    this.#self = self;
    this.#extraArguments = extraArguments;
  }

  /** Keeps a spec under its place. */
  hold(serial: number, spec: CompleteChildSpec): void {
    this.#specs.set(serial, spec);
    this.#count(spec, 1);
  }

  /** Lets go of all that belongs to a place. */
  forget(serial: number): void {
    this.cancelWait(serial);
    const spec = this.#specs.get(serial);
    if (spec !== undefined) this.#count(spec, -1);
    this.#specs.delete(serial);
    this.#pids.delete(serial);
  }

  /** What stands for a child in a path: its id; where others have the same, as a dynamic supervisor allows, and its place. */
  segment(serial: number): string {
    const spec = this.#specs.get(serial);
    if (spec === undefined) return `#${String(serial)}`;
    if (this.#namesakes === undefined) {
      this.#namesakes = new Map();
      for (const held of this.#specs.values()) this.#count(held, 1);
    }
    const name = nameOf(spec);
    return (this.#namesakes.get(name) ?? 0) > 1 ? `${name}#${String(serial)}` : name;
  }

  #count(spec: CompleteChildSpec, more: 1 | -1): void {
    const namesakes = this.#namesakes;
    if (namesakes === undefined) return;
    const name = nameOf(spec);
    const count = (namesakes.get(name) ?? 0) + more;
    if (count > 0) namesakes.set(name, count);
    else namesakes.delete(name);
  }

  /** The spec at a place. */
  spec(serial: number): CompleteChildSpec | undefined {
    return this.#specs.get(serial);
  }

  /** The pid of the child at a place, also of one that ended meanwhile. */
  pid(serial: number): Pid | undefined {
    return this.#pids.get(serial);
  }

  /** Starts a child; how it ended comes as a message, never in this turn. */
  start(serial: number): void {
    const spec = this.#specs.get(serial);
    if (spec === undefined) throw new Error(`there is no child at place ${String(serial)}`);
    this.cancelWait(serial);
    const tell = (result: unknown): void => {
      if (this.#self.alive) this.#self.send(this.#self.pid, this.#factOf(serial, result));
      else retireLate(this.#self, spec, result);
    };
    try {
      this.#begin(spec, tell);
    } catch (error) {
      tell({ ok: false, reason: reasonOfThrown(error) });
    }
  }

  /** Sends a message when a child has waited long enough; its timer ends with the supervisor. */
  waitToRestart(serial: number, wait: number, delayMs: number): void {
    this.cancelWait(serial);
    const over: BackoffMessage = { type: 'backoff.over', serial, wait };
    this.#waits ??= new Map();
    this.#waits.set(serial, this.#self.sendAfter(delayMs, over));
  }

  /** A child need not wait any longer. */
  cancelWait(serial: number): void {
    const timer = this.#waits?.get(serial);
    if (timer === undefined) return;
    this.#self.cancelTimer(timer);
    this.#waits?.delete(serial);
  }

  /** What people should know about a start that failed just now. */
  notesOnFailure(serial: number, reason: ExitReason): string[] {
    if (this.#junk?.serial === serial) {
      const got = showValue(this.#junk.value);
      return [
        `Its start function gave ${got}; it must give { ok: true, pid } with a Pid or undefined, or { ok: false, reason }.`,
      ];
    }
    if (reason.kind !== 'alreadyStarted') return [];
    const holder = [...this.#pids].find(([, pid]) => pid === reason.pid)?.[0];
    const sibling = holder === undefined ? undefined : this.#specs.get(holder);
    const whose = sibling === undefined ? '' : `, its sibling ${showValue(sibling.id)}`;
    return [`Its name is taken by ${reason.pid.toString()}${whose}.`];
  }

  /** Asks a child to end and watches it do so (OTP SHD-002). */
  ask(serial: number): void {
    const pid = this.#watch(serial);
    if (pid !== undefined) this.#self.exit(pid, exitReason.shutdown);
  }

  /** Kills a child; watched, if it was not asked before. */
  kill(serial: number): void {
    const pid = this.#watch(serial);
    if (pid !== undefined) this.#self.exit(pid, exitReason.kill);
  }

  /** A child is down: its monitor has said so. */
  release(serial: number): void {
    const pid = this.#pids.get(serial);
    if (pid !== undefined) this.#asked?.delete(pid);
  }

  #begin({ start, name }: CompleteChildSpec, tell: (result: unknown) => void): void {
    const extra = this.#extraArguments;
    if (typeof start === 'function') {
      const result: unknown = start(this.#self, ...extra);
      if (!isThenable(result)) tell(result);
      // A promise of our own settles once, whatever the other does.
      else {
        Promise.resolve(result).then(tell, (error: unknown) => {
          tell({ ok: false, reason: reasonOfThrown(error) });
        });
      }
      return;
    }
    const [logic, own] = start;
    const input = extra.length === 0 ? own : [...extra, own];
    const registered = name ?? (isNamedByInput(logic) ? logic.nameIn(own) : undefined);
    // The spec's author ties the input to the logic; a supervisor passes both on unseen.
    const given = input as never;
    this.#self.startLink(logic, given, registered === undefined ? {} : { name: registered }, tell);
  }

  #factOf(serial: number, result: unknown): SupervisorFact {
    this.#junk = undefined;
    if (!isResult(result)) {
      this.#junk = { serial, value: result };
      return { type: 'child.failed', serial, reason: exitReason.custom(result) };
    }
    if (!result.ok) return { type: 'child.failed', serial, reason: result.reason };
    if (result.pid === undefined) return { type: 'child.ignored', serial };
    const { pid, system } = this.#self;
    if (result.pid === pid) {
      // It would wait for itself to end.
      const error = supervisorError('OWN_CHILD', { id: this.#specs.get(serial)?.id ?? null });
      return { type: 'child.failed', serial, reason: exitReason.error(error) };
    }
    this.#pids.set(serial, result.pid);
    return { type: 'child.started', serial, pid: result.pid.id, atMs: system.clock.now() };
  }

  /** By a monitor, so that a child that removed its link cannot hang its supervisor (OTP SHD-005). */
  #watch(serial: number): Pid | undefined {
    const pid = this.#pids.get(serial);
    if (pid === undefined || this.#asked?.has(pid) === true) return pid;
    this.#asked ??= new Set();
    this.#asked.add(pid);
    const self = this.#self;
    const reason = self.unlink(pid, { flush: true }) ?? unlinked;
    if (self.system.isAlive(pid)) {
      self.monitor(pid);
    } else {
      // It died before its turn came. A monitor would only say noproc; its own EXIT said why (SHD-008).
      const down: DownMessage = { type: 'DOWN', ref: new MonitorRef(pid), pid, reason };
      self.send(self.pid, down);
    }
    return pid;
  }
}

/**
 * A start came to its end after its supervisor had: nobody would ever stop what it started.
 *
 * What was started by a link is gone already; what was not is asked to end now, by its child spec.
 */
function retireLate(
  { system }: ProcessContext,
  { shutdown }: CompleteChildSpec,
  result: unknown,
): void {
  if (!isResult(result) || !result.ok || result.pid === undefined) return;
  const { pid } = result;
  if (!system.isAlive(pid)) return;
  system.exit(pid, shutdown === 'brutalKill' ? exitReason.kill : exitReason.shutdown);
  if (typeof shutdown !== 'number') return;
  const limit = system.clock.setTimeout(() => {
    system.exit(pid, exitReason.kill);
  }, shutdown);
  void system.awaitExit(pid).then(() => {
    system.clock.clearTimeout(limit);
  });
}

/** The reason that is reported of a child that died without its link, so that nobody knows why (OTP SUP-027). */
const unlinked = exitReason.custom('childProcessUnlinked');

/** The exit reason that a thrown value stands for: its own, if it carries one (OTP SUP-004). */
function reasonOfThrown(error: unknown): ExitReason {
  if (error instanceof Error && 'reason' in error && isExitReason(error.reason)) {
    return error.reason;
  }
  return exitReason.error(error);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** A start function is the user's: what it returns is looked at closely. */
function isResult(value: unknown): value is StartResult {
  if (typeof value !== 'object' || value === null || !('ok' in value)) return false;
  if (value.ok === false) return 'reason' in value && isExitReason(value.reason);
  if (value.ok !== true || !('pid' in value)) return false;
  return value.pid === undefined || value.pid instanceof Pid;
}

/** Whether a behaviour's input names its process. */
export function isNamedByInput(logic: object): logic is NamedByInput {
  return 'nameIn' in logic && typeof logic.nameIn === 'function';
}

/** What a child is called: its id as text. */
function nameOf({ id }: CompleteChildSpec): string {
  return typeof id === 'string' ? id : (keyOfId(id) ?? '');
}
