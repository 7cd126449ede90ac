/** The files of a new adapter, by their paths. */
export type AdapterFiles = Readonly<Record<string, string>>;

/** Names that Python does not take for a module. */
const keywords = new Set(
  'False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield'.split(
    ' ',
  ),
);

/** Whether a package of Python can have this name. */
export function isPackageName(name: string): boolean {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !keywords.has(name) && name !== 'snakepit_bridge';
}

/** Name of the adapter class: `my_app` has `MyAppAdapter`. */
export function classNameFor(name: string): string {
  const words = name.split('_').filter((word) => word !== '');
  const className = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return `${/^\d/.test(className) ? '_' : ''}${className}Adapter`;
}

/** Writes an adapter that runs, and a test of it. */
export function writeAdapter(name: string): AdapterFiles {
  const className = classNameFor(name);
  return {
    [`${name}/__init__.py`]: '',
    [`${name}/adapter.py`]: adapterSource(className),
    [`${name}/adapter.test.mjs`]: testSource(name, className),
  };
}

function adapterSource(className: string): string {
  return `from collections.abc import Iterator

from snakepit_bridge import BaseAdapter, tool


class ${className}(BaseAdapter):
    """Every call gets an instance of its own: what must outlive a call belongs to the module."""

    @tool
    def greet(self, name: str, excited: bool = False) -> str:
        """Greets somebody.

        Args:
            name: who is greeted
            excited: whether to shout
        """
        return f"Hello, {name}{'!' if excited else '.'}"

    @tool(supports_streaming=True)
    def count(self, to: int) -> Iterator[int]:
        """Counts, one chunk after the other."""
        yield from range(1, to + 1)
`;
}

function testSource(name: string, className: string): string {
  return `import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Snakepit } from 'snakepit';

let snakepit;

before(async () => {
  snakepit = await Snakepit.start({
    pools: [{ name: 'default', size: 1, adapter: '${name}.adapter.${className}' }],
  });
});

after(() => snakepit?.stop());

test('greets', async () => {
  assert.equal(await snakepit.execute('greet', { name: 'Ada' }), 'Hello, Ada.');
  assert.equal(await snakepit.execute('greet', { name: 'Ada', excited: true }), 'Hello, Ada!');
});

test('counts', async () => {
  const counted = [];
  for await (const number of snakepit.stream('count', { to: 3 })) counted.push(number);
  assert.deepEqual(counted, [1, 2, 3]);
});
`;
}
