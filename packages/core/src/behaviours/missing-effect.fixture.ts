/**
 * A named effect of a test machine without implementation; the process supplies it.
 *
 * @param example - Of the type that its params have; only the type counts.
 */
export function missing<P = undefined>(
  name: string,
  example?: P,
): (args: unknown, params: P) => void {
  return () => {
    throw new Error(`provide the action '${name}'`, { cause: { example } });
  };
}
