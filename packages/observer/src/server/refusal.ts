/** A request that is refused: its status, and why, as a sentence with what to do. Nothing is wrong with the observer. */
export class Refusal extends Error {
  /** The status of the answer. */
  readonly status: number;

  /**
   * @param status - The status of the answer.
   * @param why - Why, as a sentence.
   */
  constructor(status: number, why: string) {
    super(why);
    this.name = 'Refusal';
    this.status = status;
  }
}
