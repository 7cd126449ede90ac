/**
 * Stands for an effect in a chart until the process beside the chart provides it.
 *
 * @param name - Of the action.
 * @throws Error that names it, when the chart runs without.
 */
export const provide = (name: string) => (): never => {
  throw new Error(`provide the action '${name}'`);
};
