/** How important an event is to those who read logs. */
export type EventLevel = 'debug' | 'info' | 'warn' | 'error';

/** A number that an event carries. */
export interface MeasurementDescription {
  /** `1` for plain numbers, `ms`, `bytes`. */
  readonly unit: string;
  /** What is measured. */
  readonly meaning: string;
}

/** What there is to know about one kind of event. */
export interface EventDescription {
  /** When it happens, as a sentence. */
  readonly description: string;
  /** At which level the default log handler tells of it. */
  readonly level: EventLevel;
  /** Its measurements by name. */
  readonly measurements: Readonly<Record<string, MeasurementDescription>>;
  /** Its metadata by name: what each says. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Descriptions of some events, by their names. */
export type EventTable = Readonly<Record<string, EventDescription>>;

/** What one event carries. */
interface Carried {
  readonly measurements: object;
  readonly metadata: object;
}

/** The description of an event that carries this: each member described, and no other. */
interface DescriptionOf<C extends Carried> extends EventDescription {
  readonly measurements: Readonly<Record<keyof C['measurements'] & string, MeasurementDescription>>;
  readonly metadata: Readonly<Record<keyof C['metadata'] & string, string>>;
}

/**
 * The table of the events that an interface declares. A table that `satisfies` it has every event with every member and
 * nothing else, or it does not compile.
 */
export type EventTableOf<E> = {
  readonly [N in keyof E & string]: E[N] extends Carried ? DescriptionOf<E[N]> : never;
};

/** The measurement of events that happen one at a time. */
export const occurrence: MeasurementDescription = { unit: '1', meaning: 'Always 1.' };

/** A number of things. */
export function number(meaning: string): MeasurementDescription {
  return { unit: '1', meaning };
}

/** A duration in milliseconds. */
export function milliseconds(meaning: string): MeasurementDescription {
  return { unit: 'ms', meaning };
}
