import type { Launch } from './options.ts';
import type { Round } from './round.ts';

/** One kind of history. */
export interface Scenario {
  /** Short, as it is given to `--scenario`. */
  readonly name: string;
  /** What happens in it, for people. */
  readonly about: string;
  /** How its workers are started, when it is about that. */
  readonly launch?: Launch;
  /** Why it cannot be played on this machine; `undefined` when it can. */
  readonly impossible?: () => string | undefined;
  /** Plays it once; the choices come from the round. */
  play(round: Round): Promise<void>;
}
