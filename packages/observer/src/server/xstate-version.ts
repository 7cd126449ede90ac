import { createRequire } from 'node:module';

/** Which XState there is. */
export function xstateVersion(): string {
  const found: unknown = createRequire(import.meta.url)('xstate/package.json');
  const { version } = found as { readonly version?: unknown };
  return String(version);
}
