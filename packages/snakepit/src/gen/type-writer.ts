import type { JsonSchema } from '@snakepit/python-bridge';

/** Whether a type is of what is given to a tool, or of what comes back. */
export type Direction = 'in' | 'out';

/** Python types that have TypeScript types of their own: what may be given, and what comes. */
const known: Readonly<Record<string, Readonly<Record<Direction, readonly string[]>>>> = {
  bytes: { in: ['Uint8Array'], out: ['Uint8Array'] },
  'datetime.datetime': { in: ['Date', 'PythonValue'], out: ['Date', 'string'] },
  'datetime.date': { in: ['string', 'PythonValue'], out: ['string'] },
  'datetime.time': { in: ['string', 'PythonValue'], out: ['string'] },
  'datetime.timedelta': { in: ['number', 'PythonValue'], out: ['number'] },
  'decimal.Decimal': { in: ['PythonValue'], out: ['string'] },
  'uuid.UUID': { in: ['string', 'PythonValue'], out: ['string'] },
};

/** Names that an interface cannot have: words of the language, and types that a client uses itself. */
const reserved: ReadonlySet<string> = new Set(
  [
    'any unknown never string number bigint boolean symbol object void undefined null',
    'await break case catch class const continue debugger default delete do else enum export extends false finally for',
    'function if implements import in instanceof interface let new package private protected public return static super',
    'switch this throw true try typeof var while with yield',
    'Date Map Promise ReadonlyMap ReadonlySet Record Set Uint8Array',
    'BindToolsOptions CallOptions CallStreamOptions PythonValue Snakepit ToolStream bindTools',
  ].flatMap((line) => line.split(' ')),
);

const identifier = /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u;

/** Whether an interface can have this name. */
export function isInterfaceName(name: string): boolean {
  return identifier.test(name) && !reserved.has(name);
}

/** The name of a property as it is written. */
export function propertyKey(name: string): string {
  return identifier.test(name) ? name : JSON.stringify(name);
}

/** Turns schemas into TypeScript; named objects become interfaces. */
export class TypeWriter {
  /** By name: its properties, as they are written. */
  readonly #interfaces = new Map<string, string>();
  /** Those that are being written, by the names that they wanted. */
  readonly #open = new Map<string, string>();
  readonly #taken: string;

  /**
   * @param taken - A name that no interface of its may have.
   */
  constructor(taken: string) {
    this.#taken = taken;
  }

  /** All interfaces that were needed, ready to be written, in the order in which they were. */
  interfaces(): string {
    return [...this.#interfaces]
      .map(([name, body]) => `export interface ${name} ${body}\n`)
      .join('\n');
  }

  /** The type of a schema. */
  typeOf(schema: JsonSchema, direction: Direction): string {
    return this.#members(schema, direction).join(' | ');
  }

  /** The types of which it may be one. */
  #members(schema: JsonSchema, direction: Direction): readonly string[] {
    const python = schema['x-python'];
    if (python !== undefined && Object.hasOwn(known, python)) {
      return known[python]?.[direction] ?? ['unknown'];
    }
    if (schema.anyOf !== undefined) return this.#union(schema.anyOf, direction);
    if (schema.enum !== undefined) {
      return schema.enum.length === 0 ? ['never'] : schema.enum.map(literal);
    }
    switch (schema.type) {
      case 'null':
      case 'boolean':
      case 'string':
        return [schema.type];
      case 'integer':
        return direction === 'in' ? ['number', 'bigint'] : ['number'];
      case 'number':
        return ['number'];
      case 'array':
        return [this.#array(schema, direction)];
      case 'object':
        return [this.#object(schema, direction)];
      default:
        return ['unknown'];
    }
  }

  #union(members: readonly JsonSchema[], direction: Direction): readonly string[] {
    const types = new Set(members.flatMap((each) => this.#members(each, direction)));
    return types.has('unknown') ? ['unknown'] : [...types];
  }

  #array({ items, prefixItems, ...schema }: JsonSchema, direction: Direction): string {
    const readonly = direction === 'in' ? 'readonly ' : '';
    if (prefixItems !== undefined) {
      return `${readonly}[${prefixItems.map((each) => this.typeOf(each, direction)).join(', ')}]`;
    }
    const item = items === undefined ? 'unknown' : this.typeOf(items, direction);
    if (schema['x-python'] === 'set') {
      return direction === 'in' ? `ReadonlySet<${item}>` : `Set<${item}>`;
    }
    return `${readonly}${/[ |]/.test(item) ? `(${item})` : item}[]`;
  }

  #object(schema: JsonSchema, direction: Direction): string {
    const { properties, additionalProperties, title } = schema;
    if (properties === undefined && title !== undefined) {
      // A class that is described further up; without that nothing is known of it.
      return this.#open.get(nameFor(title, direction)) ?? 'unknown';
    }
    if (properties === undefined) return this.#record(schema, direction);
    if (title === undefined || !identifier.test(title) || additionalProperties === true) {
      // Line ends of texts are escaped.
      return this.#body(schema, direction).replaceAll(/\s*\n\s*/g, ' ');
    }
    return this.#name(title, direction, schema);
  }

  #record({ additionalProperties, ...schema }: JsonSchema, direction: Direction): string {
    const isTyped = typeof additionalProperties === 'object';
    const value = isTyped ? this.typeOf(additionalProperties, direction) : 'unknown';
    if (schema['x-python'] !== 'dict') return `Record<string, ${value}>`;
    const key = this.typeOf(schema.propertyNames ?? {}, direction);
    return `${direction === 'in' ? 'ReadonlyMap' : 'Map'}<${key}, ${value}>`;
  }

  #body({ properties = {}, required = [] }: JsonSchema, direction: Direction): string {
    const lines = Object.entries(properties).map(([name, schema]) => {
      const optional = required.includes(name) ? '' : '?';
      const { description = '' } = schema;
      const text = description === '' ? '' : `  /** ${comment(description)} */\n`;
      const more = optional === '' ? '' : ' | undefined';
      const readonly = direction === 'in' ? 'readonly ' : '';
      return `${text}  ${readonly}${propertyKey(name)}${optional}: ${this.typeOf(schema, direction)}${more};`;
    });
    return lines.length === 0 ? '{}' : `{\n${lines.join('\n')}\n}`;
  }

  /** The interface of this name and content, a new one if there is none. */
  #name(title: string, direction: Direction, schema: JsonSchema): string {
    const wanted = nameFor(title, direction);
    const outside = this.#open.get(wanted);
    for (let number = 1; ; number++) {
      const name = number === 1 ? wanted : `${wanted}${number}`;
      if (!isInterfaceName(name) || name === this.#taken) continue;
      // It may contain itself.
      this.#open.set(wanted, name);
      const body = this.#body(schema, direction);
      const existing = this.#interfaces.get(name);
      if (existing !== undefined && existing !== body) continue;
      this.#interfaces.set(name, body);
      if (outside === undefined) this.#open.delete(wanted);
      else this.#open.set(wanted, outside);
      return name;
    }
  }
}

/** What is given may be less exact than what comes, so that they are two interfaces. */
function nameFor(title: string, direction: Direction): string {
  return direction === 'in' ? `${title}Input` : title;
}

function literal(value: unknown): string {
  return value === null ? 'null' : JSON.stringify(value);
}

/** A text that can stand in a comment, and means nothing to TSDoc. */
export function comment(text: string): string {
  return text.replaceAll('*/', '*\\/').replaceAll(/\s*\n\s*/g, ' ');
}
