import type { ToolInfo } from '@snakepit/python-bridge';
import { comment, isInterfaceName, propertyKey, TypeWriter } from './type-writer.ts';

/** What a client is written from. */
export interface ClientParts {
  /** Dotted path of the adapter. */
  readonly adapter: string;
  /** What was typed. */
  readonly command: string;
  /** Its tools. */
  readonly tools: readonly ToolInfo[];
  /** Says what changes when a tool does. */
  readonly signatureOf: (tool: ToolInfo) => string;
}

/** The texts of a generated client. */
export interface ClientSource {
  /** All in one, for projects that compile. */
  readonly typescript: string;
  /** The declarations for {@link ClientSource.javascript}. */
  readonly declarations: string;
  /** The module that runs. */
  readonly javascript: string;
}

/** Names that a method cannot have: an object with `then` is taken for a promise. */
const impossible = new Set(['then', '__proto__', 'constructor']);

/** Writes the client of an adapter. */
export function writeClient(parts: ClientParts): ClientSource {
  const tools = parts.tools.filter(({ name }) => !impossible.has(name));
  const name = interfaceName(parts.adapter);
  const writer = new TypeWriter(name);
  const methods = tools.map((tool) => writeMethod(tool, writer)).join('\n\n');
  const body = `/** The tools of \`${parts.adapter}\`. */\nexport interface ${name} {\n${methods}\n}\n`;
  const interfaces = writer.interfaces();
  const types = [interfaces, body].filter((part) => part !== '').join('\n');
  const head = [
    `// Written by \`${parts.command}\`; do not edit.`,
    ...parts.tools
      .filter((tool) => impossible.has(tool.name))
      .map((tool) => `// The tool "${tool.name}" cannot be a method: call it by execute().`),
  ].join('\n');
  const used = (text: string): string[] =>
    ['CallOptions', 'CallStreamOptions', 'PythonValue', 'ToolStream'].filter((each) =>
      new RegExp(`\\b${each}\\b`).test(text),
    );
  const imports = (more: readonly string[], value: string): string =>
    `import ${value}{ ${[...more, ...used(types)].sort().join(', ')} } from 'snakepit';\n`;
  const bound = ['BindToolsOptions', 'Snakepit'];
  const manifest = JSON.stringify(manifestOf(parts, tools), undefined, 2);
  const doc = `/**\n * Binds the tools to a running Snakepit.\n *\n * @throws SnakepitError STALE_TYPES, when its workers have other tools than these types say.\n */`;
  const signature = `createClient(snakepit: Snakepit, options?: BindToolsOptions): Promise<${name}>`;
  return {
    typescript: [
      head,
      `import { bindTools } from 'snakepit';\n${imports(bound, 'type ')}`,
      types,
      `const manifest = ${manifest} as const;\n`,
      `${doc}\nexport function ${signature} {\n  return bindTools<${name}>(snakepit, manifest, options);\n}\n`,
    ].join('\n'),
    declarations: [
      head,
      imports(bound, 'type '),
      types,
      `${doc}\nexport declare function ${signature};\n`,
    ].join('\n'),
    javascript: [
      head,
      `import { bindTools } from 'snakepit';\n`,
      `const manifest = ${manifest};\n`,
      `export function createClient(snakepit, options) {\n  return bindTools(snakepit, manifest, options);\n}\n`,
    ].join('\n'),
  };
}

function interfaceName(adapter: string): string {
  const name = adapter.slice(adapter.lastIndexOf('.') + 1);
  return isInterfaceName(name) ? name : `${name}Tools`;
}

function manifestOf(
  { adapter, command, signatureOf }: ClientParts,
  tools: readonly ToolInfo[],
): object {
  const entries = tools.map((tool) => [
    tool.name,
    { signature: signatureOf(tool), stream: tool.supportsStreaming },
  ]);
  return { adapter, command, tools: Object.fromEntries(entries) as object };
}

function writeMethod(tool: ToolInfo, writer: TypeWriter): string {
  const { name, parameters, takesMore, returns, supportsStreaming } = tool;
  const isOptional = parameters.every(({ required }) => !required);
  const lines = parameters.map(({ name: parameter, required, schema, ...rest }) => {
    const type = writer.typeOf(schema, 'in');
    const orNone = required ? '' : ' | undefined';
    const key = propertyKey(parameter);
    const note = rest.default === undefined ? '' : ` Default: \`${JSON.stringify(rest.default)}\`.`;
    const about = rest.description.replace(/(?<=[^.!?])$/, '.');
    const text = comment(`${about}${note}`.trim());
    const documented = text === '' ? '' : `      /** ${text} */\n`;
    return `${documented}      readonly ${key}${required ? '' : '?'}: ${type}${orNone};`;
  });
  if (takesMore) lines.push('      readonly [name: string]: unknown;');
  const type = lines.length === 0 ? 'Record<string, never>' : `{\n${lines.join('\n')}\n    }`;
  const result = writer.typeOf(returns.schema, 'out');
  const [options, wrapped] = supportsStreaming
    ? ['CallStreamOptions', `ToolStream<${result}>`]
    : ['CallOptions', `Promise<${result}>`];
  return [
    ...[documentation(tool)].filter((text) => text !== ''),
    `  readonly ${propertyKey(name)}: (`,
    `    args${isOptional ? '?' : ''}: ${type},`,
    `    options?: ${options},`,
    `  ) => ${wrapped};`,
  ].join('\n');
}

function documentation({ documentation: text, description, returns }: ToolInfo): string {
  // Only what comes before the sections: parameters have texts of their own.
  const whole = text === '' ? description : text;
  const [about = ''] = whole.split(
    /\n\s*(?=(?:[A-Z][A-Za-z ]+:\s*\n)|(?:[A-Z]\w+\n-{3,})|:param )/,
  );
  const lines = about
    .trim()
    .split('\n')
    .map((line) => line.replaceAll('*/', '*\\/').replaceAll('@', '\\@').trimEnd());
  if (returns.description !== '') lines.push('', `@returns ${comment(returns.description)}`);
  if (lines.join('') === '') return '';
  if (lines.length === 1) return `  /** ${lines[0] ?? ''} */`;
  return `  /**\n${lines.map((line) => `   * ${line}`.trimEnd()).join('\n')}\n   */`;
}
