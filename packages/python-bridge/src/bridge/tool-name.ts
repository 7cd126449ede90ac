/** Why a name cannot be that of a tool (SNK §10.2). */
export type ToolNameFault = 'empty' | 'tooLong' | 'invalidFormat' | 'invalidType';

/** Why facts cannot be kept with a tool (SNK §10.2). */
export type ToolMetadataFault = 'tooManyEntries' | 'tooLarge' | 'unsupportedType';

/** Most facts that are kept with a tool. */
const maxMetadataEntries = 32;

/** Most bytes of them, names and values together. */
const maxMetadataBytes = 4096;

/** Most parameters that are described. */
const maxParameters = 100;

/** Most bytes of all descriptions of a tool and its parameters. */
const maxDescriptionBytes = 16 * 1024;

/** The limits in words. */
export const maxToolTexts = `at most ${maxMetadataEntries} texts of ${maxMetadataBytes} bytes together as metadata, ${maxParameters} parameters, and ${maxDescriptionBytes} bytes of descriptions`;

/**
 * Checks the name of a tool: 1 to 64 letters, digits, `_`, `.` and `-`, beginning with a letter or digit.
 *
 * @param name - The name; blanks around it do not count.
 */
export function checkToolName(
  name: unknown,
):
  | { readonly ok: true; readonly name: string }
  | { readonly ok: false; readonly fault: ToolNameFault } {
  if (typeof name !== 'string') return { ok: false, fault: 'invalidType' };
  const trimmed = name.trim();
  if (trimmed === '') return { ok: false, fault: 'empty' };
  if (Buffer.byteLength(trimmed) > 64) return { ok: false, fault: 'tooLong' };
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(trimmed)) return { ok: false, fault: 'invalidFormat' };
  return { ok: true, name: trimmed };
}

/** What is said about a tool; from Python, or from JavaScript without types. */
export interface ToolTexts {
  /** Further facts. */
  readonly metadata: unknown;
  /** What it does. */
  readonly description: unknown;
  /** Its parameters. */
  readonly parameters: unknown;
}

/** Checks what is said about a tool: its kind, and how much it is. */
export function checkToolMetadata(said: ToolTexts): ToolMetadataFault | undefined {
  const { metadata, description, parameters } = said;
  if (typeof metadata !== 'object' || metadata === null) return 'unsupportedType';
  const texts = Object.entries(metadata).flat() as unknown[];
  if (texts.length / 2 > maxMetadataEntries) return 'tooManyEntries';
  if (!Array.isArray(parameters)) return 'unsupportedType';
  if (parameters.length > maxParameters) return 'tooManyEntries';
  const described: unknown[] = [description];
  for (const parameter of parameters as readonly unknown[]) {
    if (typeof parameter !== 'object' || parameter === null) return 'unsupportedType';
    const {
      name,
      type = '',
      description: text = '',
      required = false,
    } = { name: undefined, ...parameter } as Record<string, unknown>;
    if (name === '' || typeof required !== 'boolean') return 'unsupportedType';
    described.push(name, type, text);
  }
  if (![...texts, ...described].every((text) => typeof text === 'string')) return 'unsupportedType';
  const tooLarge =
    bytesOf(texts as string[]) > maxMetadataBytes ||
    bytesOf(described as string[]) > maxDescriptionBytes;
  return tooLarge ? 'tooLarge' : undefined;
}

function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}
