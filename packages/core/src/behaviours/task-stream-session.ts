import { forgetCall, keepCall } from '../process/kept-calls.ts';
import { ExitError, exitReason, type ExitReason } from '../process/exit-reason.ts';
import { Fifo } from '../process/fifo.ts';
import type { From } from '../process/messages.ts';
import type { Pid } from '../process/pid.ts';
import { ProcessContext } from '../process/process-context.ts';
import { isThenable } from '../thenable.ts';
import type { TaskResult } from './task-outcome.ts';
import { taskBehaviour } from './task-process.ts';
import type { TaskStreamParts } from './task-stream.ts';
import { processOf, systemOf, waitFault } from './task-wait.ts';

/** Options of a stream that were checked, with defaults. */
interface CheckedStreamOptions {
  readonly maxConcurrency: number;
  readonly ordered: boolean;
  readonly timeoutMs: number;
  readonly killsTask: boolean;
}

/** One element that was taken in and not yet given out. */
interface Place<R> {
  /** Which element. */
  readonly number: number;
  /** The task, once it is spawned. */
  pid: Pid | undefined;
  /** How it ended, once it has. */
  result: TaskResult<R> | undefined;
  /** Whether its time is up. */
  late: boolean;
  /** Of its time limit. */
  timer: unknown;
}

const what = 'stream of tasks';

/** One run of a stream of tasks: takes in as there is room, gives out, and leaves nothing behind. */
export class TaskStream<I, R> implements From {
  readonly pid: Pid | undefined;
  readonly #parts: TaskStreamParts<I, R>;
  readonly #options: CheckedStreamOptions;
  /** By number of the element, ascending. */
  readonly #places = new Map<number, Place<R>>();
  /** Without order: those with a result, in the order of their ends. */
  readonly #ready = new Fifo<Place<R>>();
  /** Spawns that have not been answered yet. */
  readonly #spawning = new Set<Promise<void>>();
  #input: Iterator<I> | AsyncIterator<I> | undefined;
  #taken = 0;
  #pulling = false;
  #isInputDone = false;
  #failure: { readonly error: unknown } | undefined;
  #closing: Promise<void> | undefined;
  #wake: () => void = () => undefined;

  constructor(parts: TaskStreamParts<I, R>, options: CheckedStreamOptions) {
    this.#parts = parts;
    this.#options = options;
    this.pid = processOf(parts.owner)?.pid;
  }

  /** The next result; `undefined` when there is no more. */
  async next(): Promise<TaskResult<R> | undefined> {
    const { owner } = this.#parts;
    const fault = waitFault({ what, owner, timeoutMs: 0 });
    if (fault !== undefined) throw fault;
    this.#open();
    for (;;) {
      this.#takeIn();
      if (this.#failure !== undefined) throw this.#failure.error;
      const result = this.#giveOut();
      if (result !== undefined) return result;
      if (this.#places.size === 0 && this.#isInputDone) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Kills what runs, waits until it is gone, closes the input. Asked again, it is the same. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Nothing is awaited from outside; part of what a process keeps. */
  resolve(): void {
    this.#wake();
  }

  /** The owner is gone. Tasks that are not linked to it go on (TSK-010). */
  reject(reason: ExitReason): void {
    this.#fail(new ExitError(reason, what));
    if (!this.#parts.linked) {
      for (const place of this.#places.values()) this.#forgetLimit(place);
      this.#places.clear();
    }
    void this.close();
  }

  #open(): void {
    if (this.#input !== undefined) return;
    const { items, owner } = this.#parts;
    this.#input =
      Symbol.asyncIterator in Object(items)
        ? (items as AsyncIterable<I>)[Symbol.asyncIterator]()
        : (items as Iterable<I>)[Symbol.iterator]();
    keepCall(processOf(owner), this);
  }

  /** Starts a task for each element that there is room for. */
  #takeIn(): void {
    while (this.#hasRoom()) {
      this.#attempt(() => {
        const pulled = this.#input?.next() ?? { done: true as const, value: undefined };
        if (isThenable(pulled)) this.#awaitElement(pulled);
        else this.#begin(pulled);
      });
    }
  }

  #awaitElement(pulled: PromiseLike<IteratorResult<I, unknown>>): void {
    this.#pulling = true;
    const arrived = (step: () => void): void => {
      this.#pulling = false;
      this.#attempt(step);
      this.#takeIn();
      this.#wake();
    };
    pulled.then(
      (element) => {
        arrived(() => {
          this.#begin(element);
        });
      },
      (error: unknown) => {
        arrived(() => {
          throw error;
        });
      },
    );
  }

  /** What the input throws ends both. */
  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#isInputDone = true;
      this.#fail(error);
    }
  }

  #hasRoom(): boolean {
    if (this.#pulling || this.#isInputDone) return false;
    if (this.#closing !== undefined || this.#failure !== undefined) return false;
    return this.#places.size < this.#options.maxConcurrency;
  }

  #begin(element: IteratorResult<I, unknown>): void {
    if (element.done === true) {
      this.#isInputDone = true;
      return;
    }
    if (this.#closing !== undefined) return;
    const { value } = element;
    const { owner, work, linked, spawn } = this.#parts;
    const number = this.#taken++;
    const place: Place<R> = {
      number,
      pid: undefined,
      result: undefined,
      late: false,
      timer: undefined,
    };
    this.#places.set(number, place);
    const logic = taskBehaviour<R, undefined>({
      work: (_, self) => work(value, self),
      owner: processOf(owner),
      linked,
      quiet: true,
      onEnd: (result) => {
        this.#ended(place, result);
      },
    });
    const pid = spawn(logic);
    if (isThenable(pid)) this.#awaitSpawn(place, pid);
    else this.#spawned(place, pid);
  }

  #awaitSpawn(place: Place<R>, pid: Promise<Pid>): void {
    const spawning = pid.then(
      (known) => {
        this.#spawned(place, known);
      },
      (error: unknown) => {
        this.#fail(error);
      },
    );
    this.#spawning.add(spawning);
    void spawning.then(() => this.#spawning.delete(spawning));
  }

  #spawned(place: Place<R>, pid: Pid): void {
    place.pid = pid;
    const { timeoutMs } = this.#options;
    if (place.result !== undefined || timeoutMs === Infinity) return;
    place.timer = systemOf(this.#parts.owner).clock.setTimeout(() => {
      place.late = true;
      void this.#kill(place);
    }, timeoutMs);
  }

  #ended(place: Place<R>, result: TaskResult<R>): void {
    this.#forgetLimit(place);
    const isLate = place.late;
    place.result = isLate ? { ok: false, reason: exitReason.timeout } : result;
    if (!this.#options.ordered) this.#ready.push(place);
    if (isLate && !this.#options.killsTask) this.#fail(new ExitError(exitReason.timeout, what));
    this.#wake();
  }

  #giveOut(): TaskResult<R> | undefined {
    const place: Place<R> | undefined = this.#options.ordered
      ? this.#places.values().next().value
      : this.#ready.shift();
    if (place?.result !== undefined) this.#places.delete(place.number);
    return place?.result;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }

  async #close(): Promise<void> {
    forgetCall(processOf(this.#parts.owner), this);
    void Promise.all(this.#killAll());
    // One that is being spawned cannot be killed before its pid is known.
    await Promise.all(this.#spawning);
    await Promise.all(this.#killAll());
    await this.#closeInput();
  }

  #killAll(): Promise<unknown>[] {
    return Array.from(this.#places.values(), (place) => this.#kill(place));
  }

  /** Kills the task of a place, without its owner dying of it; resolves when it is gone. */
  #kill(place: Place<R>): Promise<unknown> {
    const { owner } = this.#parts;
    const system = systemOf(owner);
    this.#forgetLimit(place);
    const { pid, result } = place;
    if (pid === undefined || result !== undefined) return Promise.resolve();
    if (owner instanceof ProcessContext) owner.unlink(pid);
    system.exit(pid, exitReason.kill);
    return system.awaitExit(pid);
  }

  #forgetLimit(place: Place<R>): void {
    systemOf(this.#parts.owner).clock.clearTimeout(place.timer);
  }

  /** Lets a generator run its finally. */
  async #closeInput(): Promise<void> {
    if (this.#isInputDone || this.#input?.return === undefined) return;
    this.#isInputDone = true;
    try {
      const closed = this.#input.return();
      // One that is asked for an element answers that first, which may take for ever.
      if (!this.#pulling) await closed;
      else if (isThenable(closed)) closed.then(undefined, (error: unknown) => this.#report(error));
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    systemOf(this.#parts.owner).logger.error(`closing the input of a ${what} failed`, { error });
  }
}
