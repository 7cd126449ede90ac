import { bridgeError } from '../errors.ts';
import { createArgumentCheck, type ArgumentCheck } from './argument-check.ts';
import type { ToolInfo } from './tool-info.ts';

/** A worker as far as its tools go. */
export interface DescribedWorker {
  /** Its id. */
  readonly workerId: string;
  /** Of the interface of its tools; `undefined` when they are its adapter's own affair, or the worker says nothing. */
  readonly toolsFingerprint: string | undefined;
  /** Asks what its tools are. */
  describeTools(): Promise<readonly ToolInfo[]>;
}

/** What is known of the tools of one pool. */
export interface ToolCatalogue {
  /** A worker is ready. */
  admit(worker: DescribedWorker): void;
  /** A worker takes no more calls. */
  withdraw(worker: DescribedWorker): void;
  /**
   * Why arguments cannot be taken, or `undefined`. Only what all ready workers agree on is refused.
   *
   * @param tool - Name of the tool; an unknown one is left to Python.
   */
  check(
    tool: string,
    args: Readonly<Record<string, unknown>>,
    binary: Readonly<Record<string, unknown>> | undefined,
  ): Error | undefined;
  /**
   * The tools, as the worker that became ready last describes them.
   *
   * @throws SnakepitError WORKER_UNAVAILABLE, when no worker is ready; and as a call does.
   */
  tools(): Promise<readonly ToolInfo[]>;
}

/** One interface that a worker of the pool has. */
interface Edition {
  readonly tools: Promise<readonly ToolInfo[]>;
  checks: ReadonlyMap<string, ArgumentCheck> | undefined;
}

/**
 * Makes the catalogue of one pool.
 *
 * Workers say a fingerprint of their tools when they are ready, so that one of them is asked once, however many there are;
 * and one that was started from changed code is noticed. While workers differ, nothing is refused here.
 */
export function createToolCatalogue(pool: string): ToolCatalogue {
  return new Catalogue(pool);
}

class Catalogue implements ToolCatalogue {
  readonly #pool: string;
  /** By id, the latest last. */
  readonly #ready = new Map<string, DescribedWorker>();
  /** How many of them have the tools of each fingerprint. */
  readonly #users = new Map<string | undefined, number>();
  readonly #editions = new Map<string, Edition>();
  #checks: ReadonlyMap<string, ArgumentCheck> | undefined;

  constructor(pool: string) {
    this.#pool = pool;
  }

  admit(worker: DescribedWorker): void {
    const before = this.#ready.get(worker.workerId);
    if (before !== undefined) this.#forget(before);
    this.#ready.set(worker.workerId, worker);
    const { toolsFingerprint } = worker;
    this.#users.set(toolsFingerprint, (this.#users.get(toolsFingerprint) ?? 0) + 1);
    if (worker.toolsFingerprint !== undefined) {
      this.#read(worker).catch(() => {
        // Told to whoever asks.
      });
    }
    this.#update();
  }

  withdraw(worker: DescribedWorker): void {
    if (this.#ready.get(worker.workerId) !== worker) return;
    this.#forget(worker);
    this.#update();
  }

  check(
    tool: string,
    args: Readonly<Record<string, unknown>>,
    binary: Readonly<Record<string, unknown>> | undefined,
  ): Error | undefined {
    return this.#checks?.get(tool)?.(args, binary);
  }

  async tools(): Promise<readonly ToolInfo[]> {
    const worker = [...this.#ready.values()].at(-1);
    if (worker !== undefined) return this.#read(worker);
    const reason = 'no worker of the pool is ready';
    throw bridgeError('WORKER_UNAVAILABLE', { pool: this.#pool, reason, maybeExecuted: false });
  }

  #forget({ workerId, toolsFingerprint }: DescribedWorker): void {
    this.#ready.delete(workerId);
    const others = (this.#users.get(toolsFingerprint) ?? 1) - 1;
    if (others > 0) this.#users.set(toolsFingerprint, others);
    else this.#users.delete(toolsFingerprint);
  }

  /** Costs the same however many workers there are. */
  #update(): void {
    for (const fingerprint of this.#editions.keys()) {
      if (!this.#users.has(fingerprint)) this.#editions.delete(fingerprint);
    }
    const [only] = this.#users.keys();
    this.#checks =
      this.#users.size === 1 && only !== undefined ? this.#editions.get(only)?.checks : undefined;
  }

  #read(worker: DescribedWorker): Promise<readonly ToolInfo[]> {
    const { toolsFingerprint: fingerprint } = worker;
    if (fingerprint === undefined) return worker.describeTools();
    const known = this.#editions.get(fingerprint);
    if (known !== undefined) return known.tools;
    const edition: Edition = { tools: worker.describeTools(), checks: undefined };
    this.#editions.set(fingerprint, edition);
    const pool = this.#pool;
    edition.tools
      .then((tools) => {
        edition.checks = new Map(
          tools.map((tool) => [tool.name, createArgumentCheck(tool, { pool })] as const),
        );
        this.#update();
      })
      .catch(() => {
        // Whoever asks for the tools asks again; calls are checked by Python alone until then. So it is, too, when schemas
        // of foreign classes are none.
        if (this.#editions.get(fingerprint) === edition) this.#editions.delete(fingerprint);
      });
    return edition.tools;
  }
}
