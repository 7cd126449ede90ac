import { describe, expect, test } from '@jest/globals';
import { isSnakepitError } from '@snakepit/core';
import { layersSwitchedOff, SAFETY_LAYERS, WITHOUT_LAYERS } from './safety-layers.ts';

const off = (text: string): readonly string[] => [...layersSwitchedOff({ [WITHOUT_LAYERS]: text })];

describe('layersSwitchedOff', () => {
  test('[I4.1] nothing is off unless it is named', () => {
    expect(layersSwitchedOff({}).size).toBe(0);
    expect(off('')).toEqual([]);
    expect(off(' , ,')).toEqual([]);
  });

  test('[I4.1] reads names separated by commas, blanks do not count', () => {
    expect(off('lifeline, eof ,lifeline')).toEqual(['lifeline', 'eof']);
    expect(off(SAFETY_LAYERS.join())).toEqual(SAFETY_LAYERS);
  });

  test.each([
    ['lifelines', 'names "lifelines", which is no safety layer; did you mean "lifeline"?'],
    ['everything', 'the layers are record, exit, lifeline, eof, opinion, watchdog, sweep.'],
    ['__proto__', 'names "__proto__"'],
  ])('[I4.1] refuses %j', (text, message) => {
    let thrown: unknown;
    try {
      off(`exit,${text}`);
    } catch (error) {
      thrown = error;
    }
    expect(isSnakepitError(thrown) && thrown.code).toBe('INVALID_CONFIG');
    expect((thrown as Error).message).toContain(message);
    expect((thrown as Error).message).toContain(`correct "${WITHOUT_LAYERS}"`);
  });
});
