/** A fault of the machine or of the user's set-up: shown as its message alone, without a stack. */
export class SetupProblem extends Error {
  /** @override */
  name = 'SetupProblem';
}
