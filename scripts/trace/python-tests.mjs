import { idsIn } from './ids.mjs';

const TEST = /^([ \t]*)(?:async )?def (test_\w+)\(/gm;
const GROUP = /^class (Test\w+)[^\n]*:/gm;

/**
 * Finds the tests of a Python file. Ids stand in the docstring or the comment that opens the function,
 * or the class around it.
 *
 * @param {string} source
 * @returns {import('./typescript-tests.mjs').FoundTest[]}
 */
export function testsInPython(source) {
  const groups = [...source.matchAll(GROUP)].map((match) => ({
    start: match.index,
    ids: idsIn(openingOf(source, match.index)),
  }));
  return [...source.matchAll(TEST)].map((match) => {
    const [, indent = '', title = ''] = match;
    const group = indent === '' ? undefined : groups.findLast((one) => one.start < match.index);
    return {
      title,
      ids: [...new Set([...(group?.ids ?? []), ...idsIn(openingOf(source, match.index))])],
      line: source.slice(0, match.index).split('\n').length,
    };
  });
}

/**
 * The docstring or comments between the line that ends a definition's head and its first statement.
 *
 * @param {string} source
 * @param {number} at
 */
function openingOf(source, at) {
  const body = source.slice(at).match(/:[ \t]*(#[^\n]*)?\n([\s\S]*)/);
  const opening = body?.[2]?.match(/^(?:\s*(?:#[^\n]*|[rf]?"""[\s\S]*?"""|"[^"\n]*"))+/);
  return `${body?.[1] ?? ''}\n${opening?.[0] ?? ''}`;
}
