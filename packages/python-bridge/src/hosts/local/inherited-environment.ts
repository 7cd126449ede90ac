/**
 * Variables that every worker is given, whatever is allowed: without them programs, the user's directories, temporary files
 * and texts are not found or not read rightly, and a runtime around this one would not find its processes.
 */
const ALWAYS = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'TZ', 'TMPDIR', 'TMP', 'TEMP'],
  ...['LANG', 'LANGUAGE', 'LC_*', 'PYTHONUTF8', 'PYTHONIOENCODING', 'LD_LIBRARY_PATH'],
  ...['SYSTEMROOT', 'SYSTEMDRIVE', 'WINDIR', 'COMSPEC', 'PATHEXT', 'USERPROFILE', 'APPDATA'],
  ...['LOCALAPPDATA', 'PROGRAMDATA', 'NUMBER_OF_PROCESSORS'],
  ...['SNAKEPIT_RUN_*', 'SNAKEPIT_WITHOUT_LAYERS'],
] as const;

/**
 * What of the runtime's own environment a worker may see.
 *
 * @param base - The environment.
 * @param allow - Names, with `*` for any characters; `undefined` allows all.
 */
export function inheritedEnvironment(
  base: Readonly<Record<string, string | undefined>>,
  allow: readonly string[] | undefined,
): Readonly<Record<string, string | undefined>> {
  if (allow === undefined) return base;
  const isAllowed = matcherOf([...ALWAYS, ...allow]);
  return Object.fromEntries(Object.entries(base).filter(([name]) => isAllowed(name)));
}

function matcherOf(patterns: readonly string[]): (name: string) => boolean {
  const alternatives = patterns.map((pattern) =>
    pattern
      .split('*')
      .map((part) => part.replaceAll(/[^\w]/gu, String.raw`\$&`))
      .join('.*'),
  );
  // Windows does not tell upper from lower case.
  const flags = process.platform === 'win32' ? 'isu' : 'su';
  const pattern = new RegExp(`^(?:${alternatives.join('|')})$`, flags);
  return (name) => pattern.test(name);
}
