/** Why a value cannot travel: where it is, what it is, what to do. */
export interface ValueFault {
  /** Path in JavaScript notation, such as `args.items[3].n`. */
  readonly path: string;
  /** What is there, to be read after the path: `is a symbol`. */
  readonly problem: string;
  /** What to do about it: a sentence. */
  readonly advice: string;
}

/** The way from a value to a part of it. */
export type Trail = readonly (string | number)[];

/** Ends a walk through a value; the trail grows only while it unwinds, so that a value without fault costs no path. */
export class Found extends Error {
  readonly problem: string;
  readonly advice: string;
  readonly trail: (string | number)[] = [];

  constructor(problem: string, advice = '') {
    super(problem);
    this.problem = problem;
    this.advice = advice;
  }
}

/** Notes on the way out of a walk where it was. */
export function noteStep(error: unknown, step: string | number): void {
  if (error instanceof Found) error.trail.unshift(step);
}

/** A trail in JavaScript notation, to be read after the name of the whole. */
export function show(trail: Trail): string {
  return trail
    .map((step) => {
      if (typeof step === 'number') return `[${step}]`;
      return /^[A-Za-z_$][\w$]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
    })
    .join('');
}

/** The way to the first part of a value that contains itself, and to that which it is. */
export function findCycle(
  root: unknown,
  maxDepth: number,
): { readonly from: Trail; readonly to: Trail } | undefined {
  const ancestors: object[] = [];
  const trail: (string | number)[] = [];
  const visit = (value: unknown): { from: Trail; to: Trail } | undefined => {
    if (typeof value !== 'object' || value === null || ancestors.length > maxDepth) {
      return undefined;
    }
    const seen = ancestors.indexOf(value);
    if (seen >= 0) return { from: [...trail], to: trail.slice(0, seen) };
    ancestors.push(value);
    for (const [key, item] of partsOf(value)) {
      trail.push(key);
      const found = visit(item);
      if (found !== undefined) return found;
      trail.pop();
    }
    ancestors.pop();
    return undefined;
  };
  return visit(root);
}

function partsOf(value: object): (readonly [string | number, unknown])[] {
  if (Array.isArray(value)) return value.map((item, index) => [index, item as unknown]);
  // Map and Set: by the place among their values.
  if (value instanceof Map || value instanceof Set) {
    return [...value.values()].map((item, index) => [index, item as unknown]);
  }
  return Object.entries(value);
}
