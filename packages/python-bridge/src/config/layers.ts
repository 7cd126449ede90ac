import { showValue } from './config-fault.ts';
import type { ConfigFault } from './config-fault.ts';
import type { Field, Group, Resolved, Schema } from './fields.ts';
import { nearestName } from './nearest-name.ts';

/** Allowed values of one source, by key; groups are layers again. A key that is not there was not said. */
export type Layer = Readonly<Record<string, unknown>>;

/**
 * Checks an object of the user against a schema.
 *
 * @param schema - The keys and what they accept.
 * @param value - What the user gave.
 * @param path - Where it stands, such as `pools[0]`; empty at the top.
 * @param faults - Receives every fault found.
 * @param alsoKnown - Keys that the caller checks itself.
 * @returns What is allowed of it.
 */
export function readLayer(
  schema: Schema,
  value: object,
  path: string,
  faults: ConfigFault[],
  alsoKnown: readonly string[] = [],
): Layer {
  const layer: Record<string, unknown> = {};
  for (const [key, given] of Object.entries(value) as [string, unknown][]) {
    const where = path === '' ? key : `${path}.${key}`;
    const entry = Object.hasOwn(schema, key) ? schema[key] : undefined;
    if (entry === undefined) {
      if (!alsoKnown.includes(key)) {
        faults.push(unknownKey(key, where, [...alsoKnown, ...Object.keys(schema)]));
      }
    } else if (given !== undefined) {
      layer[key] =
        entry.kind === 'group'
          ? readGroup(entry, given, where, faults)
          : readField(entry, given, where, faults);
    }
  }
  return layer;
}

/**
 * Reads what the environment says of a schema's keys (R9.5). An empty variable says nothing.
 *
 * @param schema - The keys and their variables.
 * @param env - The environment.
 * @param faults - Receives every fault found; it names the variable.
 */
export function readEnvironment(
  schema: Schema,
  env: Readonly<Record<string, string | undefined>>,
  faults: ConfigFault[],
): Layer {
  const layer: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(schema)) {
    if (entry.kind === 'group') {
      layer[key] = readEnvironment(entry.fields, env, faults);
    } else if (entry.variable !== undefined) {
      const given = env[entry.variable]?.trim();
      if (given === undefined || given === '') continue;
      const value = entry.accept(entry.fromText(given));
      if (value === undefined) faults.push(wrongValue(entry, given, entry.variable));
      else layer[key] = value;
    }
  }
  return layer;
}

/**
 * Puts layers together: for each key the first layer that says something, else the default.
 *
 * @param schema - The keys.
 * @param layers - Most important first.
 * @param path - Where a missing required key is missing.
 * @param faults - Receives a fault for every required key that nobody says.
 * @returns The values; complete when no fault was added.
 */
export function resolveLayers<S extends Schema>(
  schema: S,
  layers: readonly Layer[],
  path: string,
  faults: ConfigFault[],
): Resolved<S> {
  const resolved: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(schema)) {
    const where = path === '' ? key : `${path}.${key}`;
    const said = layers.map((layer) => layer[key]).filter((value) => value !== undefined);
    if (entry.kind === 'group') {
      resolved[key] = resolveLayers(entry.fields, said as Layer[], where, faults);
      continue;
    }
    if (said.length === 0 && entry.required && !faults.some((fault) => fault.where === where)) {
      faults.push({ where, message: `${where} is missing; it must be ${entry.expected}.` });
    }
    resolved[entry.unit === undefined ? key : `${key}Ms`] = said[0] ?? entry.fallback();
  }
  // The loop mirrors the mapped type key by key, which the compiler cannot follow.
  return Object.freeze(resolved) as Resolved<S>;
}

function readGroup(
  entry: Group<Schema>,
  given: unknown,
  where: string,
  faults: ConfigFault[],
): Layer | undefined {
  if (isObject(given)) return readLayer(entry.fields, given, where, faults);
  const keys = Object.keys(entry.fields).join(', ');
  faults.push({
    where,
    message: `${where} is ${showValue(given)}; it must be an object with some of the keys ${keys}.`,
  });
  return undefined;
}

function readField(
  entry: Field<unknown>,
  given: unknown,
  where: string,
  faults: ConfigFault[],
): unknown {
  const value = entry.accept(given);
  if (value === undefined) faults.push(wrongValue(entry, given, where));
  return value;
}

function wrongValue(entry: Field<unknown>, given: unknown, where: string): ConfigFault {
  return { where, message: `${where} is ${showValue(given)}; it must be ${entry.expected}.` };
}

function unknownKey(key: string, where: string, known: readonly string[]): ConfigFault {
  const nearest = nearestName(key, known);
  const help =
    nearest === undefined ? `the keys here are ${known.join(', ')}` : `did you mean "${nearest}"?`;
  return {
    where,
    message: `${where} is not an option; ${help}${nearest === undefined ? '.' : ''}`,
  };
}

/** Whether a value is an object with keys, not an array. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
