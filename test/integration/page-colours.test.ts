import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

const sheet = readFileSync(
  new URL('../../packages/observer/ui/style.css', import.meta.url),
  'utf8',
);

/** The colours of a theme, by name; the first of a name is the light one, the second the dark one. */
function coloursOf(theme: 'light' | 'dark'): ReadonlyMap<string, string> {
  const all = [...sheet.matchAll(/--(\w+): (#[0-9a-f]{6});/g)];
  const names = new Set(all.map(([, name]) => name));
  return new Map(
    [...names].map((name = '') => {
      const [light, dark] = all.filter(([, one]) => one === name).map(([, , colour]) => colour);
      return [name, (theme === 'light' ? light : dark) ?? ''];
    }),
  );
}

/** Relative luminance, as WCAG defines it. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((from) => {
    const part = parseInt(colour.slice(from, from + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

test.each(['light', 'dark'] as const)(
  '[I6.6] shapes of the page are seen on their ground, and texts can be read (%s)',
  (theme) => {
    const colours = coloursOf(theme);
    const on = (name: string, ground: string): number =>
      contrast(colours.get(name) ?? '', colours.get(ground) ?? '');
    // What WCAG asks of shapes, and of texts.
    for (const tone of ['running', 'waiting', 'failed', 'finished', 'stopped']) {
      expect([tone, on(tone, 'paper') >= 3]).toEqual([tone, true]);
    }
    for (const text of ['ink', 'quiet', 'link']) {
      for (const ground of ['paper', 'soft']) {
        expect([text, ground, on(text, ground) >= 4.5]).toEqual([text, ground, true]);
      }
    }
  },
);
