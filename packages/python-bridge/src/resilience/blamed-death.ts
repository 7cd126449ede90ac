/** The end of a worker that was executing a request. */
export interface BlamedDeath {
  /** Id of the worker. */
  readonly worker: string;
  /** Number of its operating system process, where it was known. */
  readonly osPid: number | undefined;
  /** How it ended, as a sentence without a subject. */
  readonly reason: string;
  /** How many other requests it was executing that may have been to blame as well. */
  readonly others: number;
}
