import { coreError, type SnakepitError } from '../errors.ts';

/** How a registry works. */
export interface RegistryOptions {
  /** What it is called: its process is registered under this, and it is found by it. */
  readonly name: string;
  /** Whether a key has one holder, or any number. */
  readonly keys: 'unique' | 'duplicate';
  /**
   * Over how many processes the links of those registered are spread, by their pid; a whole number ≥ 1, default 1.
   *
   * It saves no time, as there is one thread. It says who shares a fate when such a process ends (OTP RGY-010).
   */
  readonly partitions?: number;
  /** Names of processes that are told of each registering and unregistering (OTP RGY-009); default none. */
  readonly listeners?: readonly string[];
}

/** Options that were checked, with defaults. @internal */
export type RegistryPlan = Required<RegistryOptions>;

/** Options that were checked, with defaults; or what is wrong with them. @internal */
export type CheckedRegistry =
  | { readonly ok: true; readonly plan: RegistryPlan }
  | { readonly ok: false; readonly fault: SnakepitError };

/** Checks a registry's options; unknown ones are ignored. @internal */
export function checkRegistryOptions(input: unknown): CheckedRegistry {
  if (typeof input !== 'object' || input === null) {
    return refuse('the options of a registry', input, 'they are an object { name, keys }');
  }
  const given: Partial<Record<keyof RegistryOptions, unknown>> = input;
  const { name, keys, partitions = 1, listeners = [] } = given;
  if (!isName(name)) {
    return refuse('the name of a registry', name, 'it must be a string that is not empty');
  }
  const where = `registry "${name}":`;
  if (keys !== 'unique' && keys !== 'duplicate') {
    return refuse(`${where} the option keys`, keys, "it must be 'unique' or 'duplicate'");
  }
  if (typeof partitions !== 'number' || !Number.isInteger(partitions) || partitions < 1) {
    return refuse(`${where} the option partitions`, partitions, 'it must be a whole number ≥ 1');
  }
  if (!Array.isArray(listeners) || !listeners.every(isName)) {
    return refuse(
      `${where} the option listeners`,
      listeners,
      'it must be a list of names of processes',
    );
  }
  return { ok: true, plan: { name, keys, partitions, listeners } };
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function refuse(argument: string, value: unknown, fault: string): CheckedRegistry {
  const remedy = "Start it like this: Registry.start(system, { name: 'rooms', keys: 'unique' }).";
  return {
    ok: false,
    fault: coreError('INVALID_ARGUMENT', { argument, value, fault, remedy }),
  };
}
