import type { Victim } from '../attack.ts';

/** Somebody who is attacked, and whoever must not notice it. */
export interface Target {
  /** For the report. */
  readonly name: string;
  /** Who is attacked. */
  readonly victims: readonly Victim[];
  /** The processes whose memory counts; each must be there to the end. */
  readonly pids: readonly number[];
  /**
   * Asks everybody as a rightful peer does.
   *
   * @throws Error when somebody does not answer in time.
   */
  readonly check: () => Promise<void>;
  /** Ends it, and looks for what it left. */
  readonly close: () => Promise<void>;
}
