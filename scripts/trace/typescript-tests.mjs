import { idsIn } from './ids.mjs';

/**
 * @typedef {object} FoundTest
 * @property {string} title
 * @property {string[]} ids its own, and those of the groups around it
 * @property {number} line
 */

const CALL = /(?<!\.)\b(test|it|describe)((?:\.\w+)*)\s*(?=[(`<])/g;

/**
 * Finds the tests of a TypeScript file. A template (`test.each`) counts once.
 *
 * @param {string} source
 * @returns {FoundTest[]}
 */
export function testsInTypeScript(source) {
  const code = codeOnly(source);
  const calls = [...code.matchAll(CALL)].flatMap((match) => callAt(code, match) ?? []);
  return calls
    .filter((call) => call.kind !== 'describe')
    .map((call) => {
      const groups = calls.filter(
        (group) => group.kind === 'describe' && group.start < call.start && call.end <= group.end,
      );
      return {
        title: call.title,
        ids: [...new Set([...groups.flatMap((group) => idsIn(group.title)), ...idsIn(call.title)])],
        line: source.slice(0, call.start).split('\n').length,
      };
    });
}

/**
 * Reads `test('title', …)` or `test.each(table)('title', …)`.
 *
 * @param {string} code
 * @param {RegExpMatchArray} match
 */
function callAt(code, match) {
  const start = match.index ?? 0;
  let open = afterTypes(code, start + match[0].length);
  if (match[2]?.endsWith('.each')) {
    const afterTable = endOfGroup(code, open);
    open = afterTable + (code.slice(afterTable).match(/^\s*/)?.[0].length ?? 0);
  }
  if (code[open] !== '(') return null;
  const first = open + 1 + (code.slice(open + 1).match(/^\s*/)?.[0].length ?? 0);
  if (!/['"`]/.test(code[first] ?? '')) return null;
  const title = code.slice(first + 1, endOfGroup(code, first) - 1);
  return { kind: match[1], title, start, end: endOfGroup(code, open) };
}

/**
 * Skips type arguments, as in `test.each<Row>(table)`.
 *
 * @param {string} code
 * @param {number} at
 * @returns {number} index after them
 */
function afterTypes(code, at) {
  if (code[at] !== '<') return at;
  let depth = 0;
  for (let index = at; index < code.length; index++) {
    if (code[index] === '<') depth += 1;
    // The arrow of a function type closes nothing.
    else if (code[index] === '>' && code[index - 1] !== '=' && --depth === 0) return index + 1;
  }
  return at;
}

/**
 * Where a string, or a pair of brackets, that opens at `at` ends.
 *
 * @param {string} code
 * @param {number} at
 * @returns {number} index after the end
 */
function endOfGroup(code, at) {
  const opener = code[at] ?? '';
  if (/['"`]/.test(opener)) return endOfString(code, at, opener);
  let index = at + 1;
  while (index < code.length) {
    const char = code[index] ?? '';
    if (/[)\]}]/.test(char)) return index + 1;
    index = /[([{'"`]/.test(char) ? endOfGroup(code, index) : index + 1;
  }
  return index;
}

/**
 * @param {string} code
 * @param {number} at
 * @param {string} quote
 */
function endOfString(code, at, quote) {
  let index = at + 1;
  while (index < code.length && code[index] !== quote) {
    if (quote !== '`' && code[index] === '\n') return at + 1; // An apostrophe, not a string.
    if (code[index] === '\\') index += 2;
    else if (quote === '`' && code.startsWith('${', index)) index = endOfGroup(code, index + 1);
    else index += 1;
  }
  return index + 1;
}

const STRING = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/;
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//;
const PATTERN = /(?<=[(,=:[!&|?{};\n]\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/;
const TOKEN = new RegExp(`${STRING.source}|${COMMENT.source}|${PATTERN.source}`, 'g');

/**
 * Overwrites comments and regular expressions with blanks, so that their quotes and brackets do not
 * count and every index stays what it was.
 *
 * @param {string} source
 */
function codeOnly(source) {
  return source.replace(TOKEN, (text) =>
    text.startsWith('/') ? text.replace(/[^\n]/g, ' ') : text,
  );
}
