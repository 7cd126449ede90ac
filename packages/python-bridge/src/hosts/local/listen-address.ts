/** Where a worker is told to listen. */
export interface ListenAddress {
  /** For the worker: `unix:/path` or `tcp:127.0.0.1:0`. */
  readonly listen: string;
  /** The socket's file; `undefined` for a port. */
  readonly socketPath: string | undefined;
  /** Where a server of the original writes its port; `undefined` for ours. */
  readonly readyFile?: string | undefined;
}

/** Whether a worker listens where it was told to: what it says is where its calls, and its token, are sent. */
export function isExpectedAddress(address: string, told: ListenAddress): boolean {
  const { listen, socketPath, readyFile } = told;
  if (readyFile !== undefined) return /^localhost:\d+$/u.test(address);
  return socketPath === undefined ? /^127\.0\.0\.1:\d+$/u.test(address) : address === listen;
}
