import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Token } from '../../fixtures/processes/census.mjs';
import { processOf, type OsProcess } from './everyone.ts';

const REPOSITORY = join(import.meta.dirname, '../../..');
const SYSTEM = join(import.meta.dirname, 'system');
/** What is attacked is what is in the repository, and nothing that has to be built first. */
const FROM_SOURCES = [
  '--conditions=@snakepit/source',
  '--import',
  join(REPOSITORY, 'test/fixtures/processes/typescript-loader.mjs'),
];
/** The Python of the repository. */
export const PYTHON = join(REPOSITORY, '.venv/bin/python');

/** A line that the attacked system said. */
export interface Said {
  readonly event: string;
  /** In monotonic milliseconds of this machine. */
  readonly atMs: number;
  readonly [more: string]: unknown;
}

/** What `workers()` of a Snakepit says of one. */
export interface WorkerLine {
  readonly id: string;
  readonly pool: string;
  readonly state: string;
  readonly osPid?: number;
}

/** How one system is started. */
export interface VictimOptions {
  /** Configuration of its Snakepit. */
  readonly config: object;
  /** Where the choices of its load come from. */
  readonly seed: number;
  /** In its environment, and so in that of all its descendants. */
  readonly token: Token;
  /** Its temporary directory. */
  readonly base: string;
  /** Further environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Shell commands that its process runs first. */
  readonly before?: string;
  /** Whether it has a mount table of its own, in which `before` may mount; needs root. */
  readonly ownMounts?: boolean;
  /** Options of its Node. */
  readonly nodeOptions?: readonly string[];
}

/** A system that is attacked: a Node process that runs Snakepit under load. */
export class Victim {
  /** What it has said so far. */
  readonly said: Said[] = [];
  /** How its process ended. */
  readonly exited: Promise<readonly [number | null, NodeJS.Signals | null]>;
  /** Resolves when its last words have been read, which may be after its end. */
  readonly saidAll: Promise<unknown>;
  /** Workers that were harmed on purpose: that they end proves nothing. */
  readonly harmed = new Set<number>();
  /** When it was attacked itself, in monotonic milliseconds of this machine: what it says from then on proves nothing. */
  attackedAtMs = Infinity;
  /** The Node process. */
  readonly process: OsProcess;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #listeners = new Set<() => void>();
  #calls = 0;
  #stderr = '';
  #hasExited = false;

  constructor(options: VictimOptions) {
    const { token, base, config, seed } = options;
    // No core dumps: descriptors are closed after the dump, which makes every death a slow one.
    const prepare = `ulimit -c 0; ${options.before ?? ''}\nexec "$@"`;
    const input = JSON.stringify({ config, seed });
    const command = [
      ...(options.ownMounts === true ? ['unshare', '--mount'] : []),
      ...['sh', '-c', prepare, 'sh', process.execPath, ...FROM_SOURCES],
      ...[...(options.nodeOptions ?? []), join(SYSTEM, 'system.mjs'), input],
    ];
    const [program = '', ...args] = command;
    this.#child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env, TMPDIR: base, [token.name]: token.value },
    });
    const { pid } = this.#child;
    const found = pid === undefined ? undefined : processOf(pid, 'the runtime');
    if (found === undefined) throw new Error(`${program} could not be started`);
    this.process = found;
    this.exited = once(this.#child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    void this.exited.then(() => {
      this.#hasExited = true;
      this.#tell();
    });
    // Its last words may be read after its end is known.
    this.#child.stdout.once('end', () => {
      this.#tell();
    });
    this.#child.stdin.on('error', () => undefined);
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = `${this.#stderr}${text}`.slice(-4_000);
    });
    const lines = createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.said.push(JSON.parse(line) as Said);
      this.#tell();
    });
    this.saidAll = once(lines, 'close');
  }

  /** The end of what it wrote to stderr. */
  get lastWords(): string {
    return this.#stderr.trim();
  }

  /** Whether its process still runs. */
  get isRunning(): boolean {
    return !this.#hasExited;
  }

  /** Tells it to do something; see the acts of system.mjs. */
  order(act: string, more: object = {}): void {
    this.#child.stdin.write(`${JSON.stringify({ act, ...more })}\n`);
  }

  /** Lets it call a tool; what comes of it is said as `answered` or `failed` with this number. */
  call(tool: string, args: object = {}, options: object = {}): number {
    const id = (this.#calls += 1);
    this.order('call', { id, tool, args, options });
    return id;
  }

  /** Waits until it says something, or has said it. */
  async heard(
    event: string | readonly string[],
    {
      matches = () => true,
      limitMs = 60_000,
    }: {
      readonly matches?: (said: Said) => boolean;
      readonly limitMs?: number;
    } = {},
  ): Promise<Said> {
    const events = typeof event === 'string' ? [event] : event;
    const find = (): Said | undefined =>
      this.said.find((one) => events.includes(one.event) && matches(one));
    const name = events.join(' or ');
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        this.#listeners.delete(look);
        act();
      };
      const timer = setTimeout(() => {
        const why = `the system did not say ${name} within ${limitMs} ms; it said ${this.#gist()}`;
        settle(() => reject(new Error(why)));
      }, limitMs);
      const look = (): void => {
        const found = find();
        if (found !== undefined) settle(() => resolve(found));
        else if (this.#hasExited && this.#child.stdout.readableEnded) {
          const why = `the system ended before it said ${name}; it said ${this.#gist()}`;
          settle(() => reject(new Error(why)));
        }
      };
      this.#listeners.add(look);
      look();
    });
  }

  /** What its Snakepit says of its workers now. */
  async workers(): Promise<readonly WorkerLine[]> {
    const before = this.said.filter(({ event }) => event === 'workers').length;
    this.order('workers');
    const answer = await this.heard('workers', {
      matches: (one) => this.said.filter(({ event }) => event === 'workers').indexOf(one) >= before,
    });
    return answer['workers'] as readonly WorkerLine[];
  }

  /** Waits until every worker serves. */
  async isServing(limitMs = 40_000): Promise<void> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      const waiting = (await this.workers()).filter(({ state }) => !state.startsWith('ready'));
      if (waiting.length === 0) return;
      if (performance.now() > deadline) {
        const states = waiting.map(({ id, state }) => `${id} is ${state}`).join(', ');
        throw new Error(`the system did not recover within ${limitMs} ms: ${states}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /** Ends the Node process, however it is. */
  async close(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #gist(): string {
    const lines = this.said.slice(-12).map((said) => JSON.stringify(said).slice(0, 300));
    return `${lines.join('\n  ')}\n  ${this.lastWords}`;
  }
}
