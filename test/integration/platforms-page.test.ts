import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { platformNamed } from '../../packages/python-bridge/src/os/platform/current.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/platforms.md'), 'utf8');
const PLATFORMS = [
  ['Linux', platformNamed('linux')],
  ['macOS', platformNamed('darwin')],
  ['Windows', platformNamed('win32')],
] as const;

/** Rows of the first table below a heading, without the line under its head. */
function tableBelow(heading: string): readonly (readonly string[])[] {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const lines = section.split('\n## ')[0]?.split('\n') ?? [];
  return lines
    .filter((line) => line.startsWith('|') && !/^\|[ |-]+$/u.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}

describe('docs/platforms.md', () => {
  const [head = [], ...rows] = tableBelow('Safety layers');

  test('[I4.8] says of each platform whether it was measured', () => {
    expect(head).toEqual([
      'layer',
      ...PLATFORMS.map(([name, { evidence }]) => `${name} (${evidence})`),
    ]);
  });

  test('[I4.8] names the layers of each platform, and how they work there', () => {
    expect(rows.map(([layer]) => layer)).toEqual(
      PLATFORMS[0][1].layers.map(({ layer }) => `\`${layer}\``),
    );
    for (const [index, [name, { layers }]] of PLATFORMS.entries()) {
      expect([name, ...rows.map((row) => row[index + 1])]).toEqual([
        name,
        ...layers.map(({ how }) => how ?? '–'),
      ]);
    }
  });

  test('says how long a path of a socket may be, and what is done where there is none', () => {
    const [, , listen = []] = tableBelow('What differs for you').slice(1);
    expect(listen).toEqual([
      'workers listen on',
      'Unix sockets',
      `Unix sockets, ${String(PLATFORMS[1][1].sockets?.maxPathBytes)} bytes of path`,
      PLATFORMS[2][1].sockets === undefined ? 'loopback ports' : '',
    ]);
  });
});
