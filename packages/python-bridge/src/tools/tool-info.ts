import { createHash } from 'node:crypto';
import type { ToolParameter } from '../errors.ts';
import { isSchema, readSchema, type JsonSchema } from './json-schema.ts';

/** A parameter of a Python tool. */
export interface ToolParameterInfo extends ToolParameter {
  /** What it means, from the docstring or from `Annotated`; empty when nobody said. */
  readonly description: string;
  /** What may be given. */
  readonly schema: JsonSchema;
  /** What Python takes when nothing is given; `undefined` for required ones, and for what JSON cannot express. */
  readonly default?: unknown;
}

/** What a tool returns, or what each chunk of its stream is. */
export interface ToolReturnInfo {
  /** Its annotation, such as `list[int]`; `any` when there is none. */
  readonly type: string;
  /** What it means, from the docstring; empty when nobody said. */
  readonly description: string;
  /** What comes. */
  readonly schema: JsonSchema;
}

/** A tool of a pool's adapter, from its Python signature, type hints and docstring. */
export interface ToolInfo {
  /** Its name. */
  readonly name: string;
  /** In a line. */
  readonly description: string;
  /** The whole docstring; empty without one. */
  readonly documentation: string;
  /** What can be given by name. */
  readonly parameters: readonly ToolParameterInfo[];
  /** Whether it takes arguments of other names, too (`**kwargs`). */
  readonly takesMore: boolean;
  /** All its arguments as one JSON Schema, as other programs ask for. */
  readonly inputSchema: JsonSchema;
  /** What it returns. */
  readonly returns: ToolReturnInfo;
  /** Whether it is to be called as a stream. */
  readonly supportsStreaming: boolean;
}

/** A tool as a worker describes it. */
export interface ToolDescription {
  /** Its name. */
  readonly name: string;
  /** In a line. */
  readonly description: string;
  /** Its parameters. */
  readonly parameters: readonly ToolParameter[];
  /** JSON Schemas and texts. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Whether it is to be called as a stream. */
  readonly supportsStreaming: boolean;
}

/** What a worker's description of a tool says. A worker of the original says less; then less is known. */
export function readToolInfo(said: ToolDescription): ToolInfo {
  const { metadata } = said;
  const inputSchema = readSchema(metadata['input_schema']);
  const output = readSchema(metadata['output_schema']);
  const { additionalProperties = true, properties = {} } = inputSchema;
  return {
    name: said.name,
    description: said.description,
    documentation: metadata['doc'] ?? '',
    parameters: said.parameters.map(({ name, type, required }) => {
      const schema = propertyOf(properties, name);
      const rest = schema.default === undefined ? {} : { default: schema.default };
      return { name, type, required, description: schema.description ?? '', schema, ...rest };
    }),
    takesMore: additionalProperties !== false,
    inputSchema,
    returns: {
      type: metadata['returns'] ?? 'any',
      description: output.description ?? '',
      schema: output,
    },
    supportsStreaming: said.supportsStreaming,
  };
}

function propertyOf(properties: Readonly<Record<string, JsonSchema>>, name: string): JsonSchema {
  const schema: unknown = Object.hasOwn(properties, name) ? properties[name] : undefined;
  return isSchema(schema) ? schema : {};
}

/**
 * Changes when calls that were right may be wrong now, or results may be others: with names, types, what is required and
 * streaming, not with texts.
 */
export function signatureOf(tool: ToolInfo): string {
  const { name, parameters, takesMore, returns, supportsStreaming, inputSchema } = tool;
  const facts = [
    name,
    parameters.map(({ name: parameter, required, schema }) => [
      parameter,
      required,
      bare(schema, 'a schema'),
    ]),
    takesMore ? bare(inputSchema.additionalProperties, 'a schema') : false,
    bare(returns.schema, 'a schema'),
    supportsStreaming,
  ];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 12);
}

function bareEntry(key: string, item: unknown): unknown {
  return key === 'enum' ? item : bare(item, key === 'properties' ? 'names' : 'a schema');
}

/** A schema without its texts and defaults, its keys in order. `properties` holds names, of which none is a text. */
function bare(value: unknown, kind: 'a schema' | 'names'): unknown {
  if (!isSchema(value)) {
    return Array.isArray(value)
      ? Array.from<unknown>(value).map((item) => bare(item, 'a schema'))
      : value;
  }
  const entries = Object.entries(value)
    .filter(([key]) => kind === 'names' || (key !== 'description' && key !== 'default'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, kind === 'names' ? bare(item, 'a schema') : bareEntry(key, item)]);
  return Object.fromEntries(entries) as object;
}
