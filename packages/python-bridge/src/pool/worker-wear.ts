/** How calls wear out a worker. */
export interface WorkerWear {
  /** How many calls a worker that begins to serve may be given; `Infinity` for any number. */
  readonly maxCalls: () => number;
  /** Told when it was given so many; it goes on until it is replaced. */
  readonly onWorn: (workerId: string) => void;
}
