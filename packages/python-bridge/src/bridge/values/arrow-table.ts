import { bridgeError } from '../../errors.ts';

/**
 * A table as an Arrow IPC stream: what Python sent as pandas DataFrame or Series, pyarrow Table or RecordBatch, and what
 * becomes a pyarrow Table there.
 *
 * @example
 * ```ts
 * import { tableFromIPC } from 'apache-arrow';
 * const table = tableFromIPC((await snakepit.execute<ArrowTable>('load')).ipc);
 * ```
 */
export class ArrowTable {
  /** The stream, with its schema. */
  readonly ipc: Buffer;

  /**
   * @param ipc - The stream, with its schema; not a file of Arrow, which begins with `ARROW1`.
   */
  constructor(ipc: Uint8Array) {
    this.ipc = Buffer.from(ipc.buffer, ipc.byteOffset, ipc.byteLength);
  }

  /**
   * The table of the package `apache-arrow`, which has to be installed beside this one.
   *
   * @returns Its `Table`; the caller says so with the type argument.
   * @throws SnakepitError ENVIRONMENT, when the package is not installed.
   */
  async toTable<T = unknown>(): Promise<T> {
    // Not a literal: it is no dependency of ours, and neither compilers nor bundlers should look for it.
    const name = ['apache', 'arrow'].join('-');
    let arrow: { readonly tableFromIPC: (ipc: Uint8Array) => T };
    try {
      arrow = (await import(name)) as typeof arrow;
    } catch (cause) {
      throw missing(cause);
    }
    return arrow.tableFromIPC(this.ipc);
  }
}

function missing(cause: unknown): Error {
  const problem = 'the package apache-arrow, which reads tables, cannot be imported';
  const advice = 'install it: npm install apache-arrow; or read the property ipc with another one.';
  return bridgeError('ENVIRONMENT', { problem, advice }, { cause });
}
