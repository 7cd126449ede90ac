/** A generator of numbers that follow from a seed alone. */
export interface Random {
  /** Both bounds are included. */
  readonly integer: (low: number, high: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly pick: <T>(choices: readonly T[]) => T;
  /** A new array with the same items in another order. */
  readonly shuffle: <T>(items: readonly T[]) => T[];
}

/** Several numbers make one seed: that of the run, that of the round. */
export function createRandom(...seeds: readonly number[]): Random;
