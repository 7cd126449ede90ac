/** Why a name cannot be that of a tool (SNK §10.2). */
export type ToolNameFault = 'empty' | 'tooLong' | 'invalidFormat' | 'invalidType';

/** Why facts cannot be kept with a tool (SNK §10.2). */
export type ToolMetadataFault = 'tooManyEntries' | 'tooLarge' | 'unsupportedType';

/** Most facts that are kept with a tool. */
const maxMetadataEntries = 32;

/** Most bytes of them, names and values together. */
const maxMetadataBytes = 4096;

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

/** Checks the facts kept with a tool: at most 32 texts, at most 4096 bytes together. */
export function checkToolMetadata(
  metadata: Readonly<Record<string, unknown>>,
): ToolMetadataFault | undefined {
  const entries = Object.entries(metadata);
  if (entries.length > maxMetadataEntries) return 'tooManyEntries';
  let bytes = 0;
  for (const [key, value] of entries) {
    if (typeof value !== 'string') return 'unsupportedType';
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  return bytes > maxMetadataBytes ? 'tooLarge' : undefined;
}
