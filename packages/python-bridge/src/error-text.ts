import type { ErrorIds, ToolParameter } from './errors.ts';
import type { BlamedDeath } from './resilience/blamed-death.ts';

/** What was wrong with an adapter, after its name. */
export const adapterProblem = {
  ADAPTER_NOT_FOUND: 'was not found',
  ADAPTER_IMPORT: 'raised while it was imported',
  ADAPTER_INVALID: 'is not an adapter',
  ADAPTER_NOT_THREAD_SAFE: 'is not made for several calls at once',
} as const;

/** What to do about it. */
export const adapterRemedy = {
  ADAPTER_NOT_FOUND:
    'pools[].adapter is "package.module.Class"; the module is looked up from pools[].cwd and pools[].pythonPath.',
  ADAPTER_IMPORT:
    'correct the module (its traceback is below), or install what it imports into the Python environment.',
  ADAPTER_INVALID:
    'give it at least one method with @tool, or derive it from snakepit_bridge.BaseAdapter.',
  ADAPTER_NOT_THREAD_SAFE:
    "derive it from snakepit_bridge.ThreadSafeAdapter (which says __thread_safe__ = True) once its tools may run at the same time, or choose pools[].profile 'process'.",
} as const;

/** Where it happened, in brackets: worker and pool, as far as they are known. */
export function whereabouts(ids: ErrorIds): string {
  const parts = [
    ids.worker === undefined ? undefined : `worker "${ids.worker}"`,
    ids.pool === undefined ? undefined : `pool "${ids.pool}"`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? '' : ` (${parts.join(' of ')})`;
}

/** Of which tool, in brackets, when that is known. */
export function toolOf(ids: ErrorIds): string {
  return ids.tool === undefined ? '' : ` (tool "${ids.tool}")`;
}

/** How a worker ended that a call is blamed for. */
export function blame({ worker, osPid, reason, others }: BlamedDeath): string {
  const process = osPid === undefined ? '' : ` (process ${osPid})`;
  const company = others === 0 ? '' : `; ${others} other calls were suspects`;
  return `worker "${worker}"${process}: ${reason}${company}`;
}

/** A number of bytes, for people. */
export function size(bytes: number): string {
  const megabytes = bytes / (1024 * 1024);
  return megabytes < 1 ? `${bytes} bytes` : `${Math.round(megabytes * 10) / 10} MB`;
}

/** Names in quotation marks, or `none`. */
export function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.map((name) => `"${name}"`).join(', ');
}

/** How the tools of an adapter differ from what was expected. */
export function differences(d: {
  readonly changed: readonly string[];
  readonly missing: readonly string[];
  readonly added: readonly string[];
}): string {
  const parts = [
    ['changed', d.changed],
    ['not there', d.missing],
    ['new', d.added],
  ] as const;
  return parts
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${list(names)} ${names.length === 1 ? 'is' : 'are'} ${what}`)
    .join('; ');
}

/** The last lines that a worker printed. */
export function output(lines: readonly string[] | undefined): string {
  if (lines === undefined || lines.length === 0) return '';
  return ` Last output:\n${lines.map((line) => `  | ${line}`).join('\n')}`;
}

/** The signature of a tool, as it is called from JavaScript. */
export function signature(
  tool: string | undefined,
  parameters: readonly ToolParameter[] | undefined,
): string {
  if (parameters === undefined) return '';
  const parts = parameters.map((p) => `${p.name}${p.required ? '' : '?'}: ${p.type}`);
  return ` Its signature: ${tool ?? 'tool'}({ ${parts.join(', ')} }).`;
}
