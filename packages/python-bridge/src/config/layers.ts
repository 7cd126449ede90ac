import * as v from 'valibot';
import { showValue } from './config-fault.ts';
import type { ConfigFault } from './config-fault.ts';
import { isObject } from './fields.ts';
import type { Field, Resolved, Schema } from './fields.ts';

/** Allowed values of one source, by key; groups are layers again. A key that is undefined or not there was not said. */
export type Layer = Readonly<Record<string, unknown>>;

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
      const { success, output } = v.safeParse(entry.schema, entry.fromText(given));
      if (success) layer[key] = output;
      else faults.push(wrongVariable(entry, given, entry.variable));
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
 * @returns The values, frozen; complete when no fault was added.
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
    if (entry.kind === 'group') {
      resolved[key] = resolveLayers(entry.fields, layersBelow(layers, key), where, faults);
      continue;
    }
    const said = layers.map((layer) => layer[key]).filter((value) => value !== undefined);
    if (said.length === 0 && entry.required && !faults.some((fault) => fault.where === where)) {
      faults.push({ where, message: `${where} is missing; it must be ${entry.expected}.` });
    }
    const value = entry.isMerged
      ? // Only maps are merged, and the validator has let nothing else pass.
        (Object.assign({}, ...said.toReversed()) as unknown)
      : (said[0] ?? entry.fallback());
    // Lists and maps are copies that the validator made; a logger is the user's own.
    if (Array.isArray(value) || entry.isMerged) Object.freeze(value);
    resolved[resolvedName(key, entry)] = value;
  }
  // The loop mirrors the mapped type key by key, which the compiler cannot follow.
  return Object.freeze(resolved) as Resolved<S>;
}

/** What layers say below a key. */
export function layersBelow(layers: readonly Layer[], key: string): readonly Layer[] {
  return layers.map((layer) => (isObject(layer[key]) ? (layer[key] as Layer) : {}));
}

/** What a key is called when it is resolved: a duration says that it is in milliseconds. */
export function resolvedName(key: string, { unit }: Field<unknown>): string {
  return unit === undefined ? key : `${key}Ms`;
}

function wrongVariable(entry: Field<unknown>, given: string, variable: string): ConfigFault {
  const message = `${variable} is ${showValue(given)}; it must be ${entry.expected}.`;
  return { where: variable, message };
}
