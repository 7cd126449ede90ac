import * as v from 'valibot';
import { showValue } from './config-fault.ts';
import type { ConfigFault } from './config-fault.ts';
import { isObject } from './fields.ts';
import type { Field, Group, Schema } from './fields.ts';
import type { Layer } from './layers.ts';
import { nearestName } from './nearest-name.ts';
import { poolSchema, runtimeSchema, sharedSchema, suppliedSchema } from './schema.ts';

/** Pools, which come in any number. */
interface List {
  readonly kind: 'list';
  readonly element: Table;
}

/** What the configuration is made of: the tables of schema.ts, and that there is a list of pools. */
interface Table {
  readonly kind: 'table';
  readonly fields: Readonly<Record<string, Entry>>;
}

type Entry = Field<unknown> | Group<Schema> | List | Table;

const configuration: Table = {
  kind: 'table',
  fields: {
    // First, because it is what a key that looks like nothing else was probably meant to be.
    pools: { kind: 'list', element: { kind: 'table', fields: poolSchema } },
    ...suppliedSchema,
    ...sharedSchema,
    ...runtimeSchema,
  },
};

const validator = validatorOf(configuration);

/** A configuration as it was written, without what is not allowed. */
export interface GivenConfig {
  /** Keys of the top level. */
  readonly top: Layer;
  /** The pools by their index; undefined where there is something that is no pool. */
  readonly pools: readonly (Layer | undefined)[];
}

/**
 * Checks everything that a user wrote, key by key.
 *
 * @param config - What the user gave; anything, because JavaScript and JSON files know no types.
 * @param faults - Receives every fault found.
 * @returns What is allowed of it; undefined when it is no configuration at all.
 */
export function readConfig(config: unknown, faults: ConfigFault[]): GivenConfig | undefined {
  const checked = v.safeParse(validator, config);
  const places = (checked.issues ?? []).map((issue) => placeOf(config, issue.path ?? []));
  const told = new Set(faults.map(({ where }) => where));
  for (const place of places) {
    const where = pathOf(place.keys);
    // A list with two wrong elements is one wrong value.
    if (!told.has(where)) faults.push(faultOf(place));
    told.add(where);
  }
  if (!isObject(config)) return undefined;
  // The validator made a copy of everything that has keys of its own here, so the user's objects stay as they are.
  const top = checked.output as Record<string, unknown>;
  for (const { keys } of places) drop(top, keys);
  const pools: readonly unknown[] = Array.isArray(top['pools']) ? top['pools'] : [];
  return { top, pools: pools.map((pool) => (isObject(pool) ? (pool as Layer) : undefined)) };
}

function validatorOf(entry: Entry): v.GenericSchema {
  switch (entry.kind) {
    case 'field':
      return entry.schema;
    case 'list':
      return v.pipe(v.array(validatorOf(entry.element)), v.minLength(1));
    case 'table':
    case 'group':
      return v.pipe(
        v.custom<object>(isObject),
        v.objectWithRest(
          Object.fromEntries(
            Object.entries<Entry>(entry.fields).map(([key, field]) => {
              const schema = validatorOf(field);
              return [key, field.kind === 'list' ? schema : v.optional(schema)];
            }),
          ),
          v.never(),
        ),
      );
  }
}

/** Where the validator found a fault, as far as our keys go. */
interface Place {
  readonly keys: readonly (string | number)[];
  readonly value: unknown;
  /** What belongs here; undefined for a key that does not exist. */
  readonly entry: Entry | undefined;
  /** What belongs around it. */
  readonly parent: Entry;
}

function placeOf(
  config: unknown,
  path: readonly { readonly key: unknown; readonly value: unknown }[],
): Place {
  let place: Place = { keys: [], value: config, entry: configuration, parent: configuration };
  for (const { key, value } of path) {
    if (place.entry === undefined || place.entry.kind === 'field') break;
    const name = typeof key === 'number' ? key : String(key);
    const { entry } = place;
    const next = entry.kind === 'list' ? entry.element : ownEntry(entry, String(key));
    place = { keys: [...place.keys, name], value, entry: next, parent: entry };
  }
  return place;
}

function ownEntry(parent: Group<Schema> | Table, key: string): Entry | undefined {
  return Object.hasOwn(parent.fields, key) ? parent.fields[key] : undefined;
}

function pathOf(keys: Place['keys']): string {
  const steps = keys.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`));
  return steps.join('').replace(/^\./, '');
}

function faultOf(place: Place): ConfigFault {
  const { keys, value, entry, parent } = place;
  if (entry === undefined) return unknownKey(place, parent);
  const shown = showValue(value);
  if (keys.length === 0) {
    const message = `the configuration is ${shown}; it must be an object such as { pools: [${examplePool}] }.`;
    return { where: 'config', message };
  }
  const where = pathOf(keys);
  const what = value === undefined ? 'is missing' : `is ${shown}`;
  return { where, message: `${where} ${what}; it must be ${expectedOf(entry)}.` };
}

const examplePool = "{ name: 'default', adapter: 'my_app.adapter.MyAdapter' }";

function expectedOf(entry: Entry): string {
  switch (entry.kind) {
    case 'field':
      return entry.expected;
    case 'group':
      return `an object with some of the keys ${Object.keys(entry.fields).join(', ')}`;
    case 'list':
      return `an array with at least one pool such as ${examplePool}`;
    case 'table':
      return 'an object with at least name and adapter';
  }
}

function unknownKey({ keys }: Place, parent: Entry): ConfigFault {
  const where = pathOf(keys);
  const known = 'fields' in parent ? Object.keys(parent.fields) : [];
  const nearest = nearestName(String(keys.at(-1)), known);
  const help =
    nearest === undefined ? `the keys here are ${known.join(', ')}.` : `did you mean "${nearest}"?`;
  return { where, message: `${where} is not an option; ${help}` };
}

function drop(top: Readonly<Record<string | number, unknown>>, keys: Place['keys']): void {
  const last = keys.at(-1);
  let holder: unknown = top;
  for (const key of keys.slice(0, -1)) {
    holder = isObject(holder) || Array.isArray(holder) ? Reflect.get(holder, key) : undefined;
  }
  if (last === undefined || typeof holder !== 'object' || holder === null) return;
  // An element stays in its place, so that the pools after it keep their index.
  Reflect.set(holder, last, undefined);
}
