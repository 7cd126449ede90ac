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
        ids: [...new Set([...groups.flatMap((group) => group.ids), ...call.ids])],
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
  let table = '';
  if (match[2]?.endsWith('.each')) {
    const afterTable = endOfGroup(code, open);
    table = tableOf(code, code.slice(open, afterTable));
    open = afterTable + (code.slice(afterTable).match(/^\s*/)?.[0].length ?? 0);
  }
  if (code[open] !== '(') return null;
  const first = open + 1 + (code.slice(open + 1).match(/^\s*/)?.[0].length ?? 0);
  if (!/['"`]/.test(code[first] ?? '')) return null;
  const title = code.slice(first + 1, endOfGroup(code, first) - 1);
  const ids = [...idsIn(title), ...idsOfRows(table, title)];
  return { kind: match[1], title, ids, start, end: endOfGroup(code, open) };
}

/**
 * The table of a `test.each(table)`, looked up when it is a constant of the file.
 *
 * @param {string} code
 * @param {string} given what is in the brackets, with them
 */
function tableOf(code, given) {
  const name = /^\(\s*(\w+)\s*,?\s*\)$/.exec(given)?.[1];
  if (name === undefined) return given;
  const found = new RegExp(`\\bconst ${name}\\b[^=]*=\\s*(?=\\[)`).exec(code);
  if (found === null) return '';
  const at = found.index + found[0].length;
  return code.slice(at, endOfGroup(code, at));
}

/**
 * Ids that the rows of a table put into their titles: by `[%s]` a row's first text, by `%s` those in its brackets.
 *
 * @param {string} table
 * @param {string} title
 * @returns {string[]}
 */
function idsOfRows(table, title) {
  if (!title.includes('%s')) return [];
  const list = table.indexOf('[');
  const firsts = [];
  for (let at = list + 1; list >= 0 && at < table.length;) {
    const row = table.indexOf('[', at);
    if (row < 0) break;
    firsts.push(/^\[\s*'((?:\\.|[^'\\\n])*)'/.exec(table.slice(row))?.[1] ?? '');
    at = endOfGroup(table, row);
  }
  return firsts.flatMap((text) => idsIn(title.includes('[%s]') ? `[${text}]` : text));
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
