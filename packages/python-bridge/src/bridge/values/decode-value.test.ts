import { describe, expect, test } from '@jest/globals';
import { isSnakepitError } from '@snakepit/core';
import { decodeParameters, decodeValue, encodeArguments } from '../codec.ts';
import { ArrowTable } from './arrow-table.ts';
import { NdArray } from './nd-array.ts';
import { asPython } from './python-value.ts';
import { isUnserializable } from './unserializable.ts';

const marker = (kind: string, fields: object): object => ({ __snakepit__: kind, ...fields });

function problemOf(json: unknown, attachments: readonly Uint8Array[] = []): string {
  const bytes = json instanceof Uint8Array ? json : JSON.stringify(json);
  try {
    decodeValue(bytes, attachments, { tool: 'f' });
  } catch (error) {
    if (!isSnakepitError(error)) throw error;
    expect(error.code).toBe('PROTOCOL');
    return String(error.details['problem']);
  }
  throw new Error('the value was accepted');
}

describe('decodeValue', () => {
  const eight = Buffer.alloc(8);

  test.each<[unknown, string, Uint8Array[]]>([
    [
      { a: [marker('bytes', { at: 1 })] },
      'value.a[0] points to attachment 1, which is not',
      [eight],
    ],
    [marker('bytes', { at: -1 }), 'points to attachment -1', [eight]],
    [marker('bytes', { at: 0.5 }), 'points to attachment 0.5', [eight]],
    [marker('bytes', { at: '0' }), 'points to attachment "0"', [eight]],
    [marker('bytes', {}), 'points to attachment undefined', [eight]],
    [
      [marker('bytes', { at: 0 }), marker('arrow', { at: 0 })],
      'value[1] points to attachment 0',
      [eight],
    ],
    [marker('array', { dtype: 'float64', shape: [2], at: 0 }), 'of 16 bytes, but 8 came', [eight]],
    [marker('array', { dtype: 'float64', shape: [-1], at: 0 }), 'no marker that is known', [eight]],
    [marker('array', { dtype: 'float64', shape: 1, at: 0 }), 'no marker that is known', [eight]],
    [marker('array', { dtype: 'object', shape: [1], at: 0 }), 'no marker that is known', [eight]],
    [
      marker('array', { dtype: 'constructor', shape: [1], at: 0 }),
      'no marker that is known',
      [eight],
    ],
    [
      marker('array', { dtype: 'int8', shape: [2 ** 40, 2 ** 40], at: 0 }),
      'no marker that is known',
      [eight],
    ],
    [marker('int', { hex: '12g' }), 'no marker that is known', []],
    [marker('int', { hex: 12 }), 'no marker that is known', []],
    [marker('float', { v: '5' }), 'no marker that is known', []],
    [marker('instant', { ms: 1e20 }), 'no marker that is known', []],
    [marker('instant', { ms: '1' }), 'no marker that is known', []],
    [marker('set', { v: {} }), 'no marker that is known', []],
    [marker('set', { v: [1, 1] }), 'two members that are the same', []],
    [marker('map', { v: [[1]] }), 'no marker that is known', []],
    [
      marker('map', {
        v: [
          [1, 2],
          [1, 3],
        ],
      }),
      'two keys that are the same',
      [],
    ],
    [marker('object', { v: [[1, 2]] }), 'no marker that is known', []],
    [marker('object', { v: [['__proto__', 2]] }), 'no marker that is known', []],
    [marker('unheard', {}), "value is no marker that is known: { __snakepit__: 'unheard' }", []],
    [marker('int', {}), 'no marker that is known: undefined', []],
    [marker('set', {}), 'no marker that is known: undefined', []],
    [marker('map', { v: [[marker('int', { hex: '1' })]] }), 'that is known: [ 1n ]', []],
    [marker('object', { v: [[marker('int', { hex: '1' }), 2]] }), 'known: [ [ 1n, 2 ] ]', []],
    [{ __snakepit__: 1 }, 'no marker that is known', []],
    [JSON.parse('{"a":{"__proto__":{"b":1}}}'), 'value.a has the key "__proto__"', []],
  ])('[I5.5] %j is refused with its path', (json, problem, attachments) => {
    expect(problemOf(json, attachments)).toContain(problem);
  });

  test('[I5.5] a marker that is unknown is refused however deep it is', () => {
    const text = `{"__snakepit__":"x","v":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect(problemOf(Buffer.from(text))).toContain('value is no marker that is known: {');
  });

  test.each([
    ['__proto__ that is escaped', '{"\\u005f_proto__":{}}', 'has the key "__proto__"'],
    ['text that is no JSON', '{"a":', 'a value is not JSON'],
    ['a bare NaN', '[NaN]', 'a value is not JSON'],
    ['deep markers', `${'['.repeat(600)}{"__snakepit__":"x"}${']'.repeat(600)}`, 'nested deeper'],
  ])('[I5.5] %s is refused', (_, text, problem) => {
    expect(problemOf(Buffer.from(text))).toContain(problem);
  });

  test('[I5.5] bytes that are no UTF-8 are refused, not replaced', () => {
    expect(problemOf(Buffer.from('"\xff"', 'latin1'))).toContain('a value is not UTF-8');
    // Half a surrogate pair as CESU-8 has it.
    expect(problemOf(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toContain('is not UTF-8');
    expect(decodeValue(Buffer.from('"\ufffd"'))).toBe('\ufffd');
    expect(decodeValue(Buffer.from('"\\ud800"'))).toBe('\ud800');
  });

  test('[I5.5] no text and one attachment are the bytes; none is null; more make no sense', () => {
    expect(decodeValue('', [new Uint8Array([1])])).toEqual(Buffer.from([1]));
    expect(decodeValue(Buffer.alloc(0))).toBeNull();
    expect(() => decodeValue('', [eight, eight])).toThrow('2 attachments came without a text');
  });

  test('[I5.5] an object of Python with the key of markers is only that', () => {
    const text = '{"__snakepit__":"object","v":[["__snakepit__","bytes"],["at",0]]}';
    expect(decodeValue(text)).toEqual({ __snakepit__: 'bytes', at: 0 });
    expect(decodeValue('{"__snakepit__":"bytes"}', [], {}, 'plain')).toEqual({
      __snakepit__: 'bytes',
    });
  });

  test('[I5.5] an array is a view of what came where that lies as it must, else a copy', () => {
    const whole = new Uint8Array(24);
    const text = '{"__snakepit__":"array","dtype":"float64","shape":[1],"at":0}';
    const view = decodeValue(text, [whole.subarray(8, 16)]) as Float64Array;
    expect(view.buffer).toBe(whole.buffer);
    const copy = decodeValue(text, [Buffer.from(whole.buffer, 9, 8)]) as Float64Array;
    expect(copy.buffer).not.toBe(whole.buffer);
    expect(copy).toEqual(new Float64Array(1));
  });

  test('[I5.5] parameters share their attachments, and are named when they make no sense', () => {
    const value = Buffer.from('{"__snakepit__":"bytes","at":0}');
    const one = { a: { type_url: '', value } };
    expect(decodeParameters(one, [eight], 'values')).toEqual({ a: eight });
    expect(decodeParameters(one, [], 'plain')).toEqual({ a: { __snakepit__: 'bytes', at: 0 } });
    const both = { ...one, b: { type_url: '', value } };
    expect(() => decodeParameters(both, [eight], 'values')).toThrow(
      'parameter "b": value points to attachment 0',
    );
  });
});

describe('limits of what is sent', () => {
  test('[I5.5] a value with more than 65 536 buffers is refused', () => {
    const many = Array.from({ length: 65_537 }, () => new Uint8Array(1));
    expect(() => encodeArguments({ many }, 'f')).toThrow('args.many[65536] is the 65537. binary');
    expect(encodeArguments({ many: many.slice(1) }, 'f').attachments).toHaveLength(65_536);
  });

  test('[I5.5] names of arguments that are no text are refused', () => {
    expect(() => encodeArguments({ 'a\ud800': 1 }, 'f')).toThrow('is no name of an argument');
  });

  test('[I5.5] what is sent is the memory itself, not a copy', () => {
    const memory = new Float32Array(4);
    const { attachments, binary } = encodeArguments({ a: [memory], b: memory.buffer });
    expect(attachments[0]?.buffer).toBe(memory.buffer);
    expect(binary['b']?.buffer).toBe(memory.buffer);
  });
});

describe('values for Python', () => {
  test.each<[Parameters<typeof asPython>]>([
    [['decimal', '1,5']],
    [['uuid', 'no']],
    [['date', '2026-1-1']],
    [['time', '12']],
    [['datetime', '2026-01-01']],
    [['timedelta', Infinity]],
    [['float', '5']],
    [['toString' as 'date', 'x']],
  ])('[I5.5] asPython refuses %j', ([type, value]) => {
    expect(() => asPython(type, value as never)).toThrow('cannot be made of');
  });

  test('[I5.5] asPython refuses what JSON cannot show', () => {
    const value = 12n as unknown as string;
    expect(() => asPython('decimal', value)).toThrow("asPython('decimal') cannot be made of 12n");
  });

  test.each<[string, ConstructorParameters<typeof NdArray>[0], string]>([
    ['dtype', { dtype: 'text', shape: [1], data: new Int8Array(1) }, 'unknown dtype "text"'],
    ['shape', { dtype: 'int8', shape: [0.5], data: new Int8Array(1) }, 'no list of lengths'],
    ['data', { dtype: 'int8', shape: [1], data: new Uint8Array(1) }, 'data in a Int8Array'],
    ['length', { dtype: 'complex64', shape: [2], data: new Float32Array(2) }, 'have 2 elements'],
  ])('[I5.5] an NdArray refuses a wrong %s', (_, parts, problem) => {
    expect(() => new NdArray(parts)).toThrow(problem);
  });

  test('[I5.5] a table without the package apache-arrow says what to install', async () => {
    await expect(new ArrowTable(Buffer.alloc(1)).toTable()).rejects.toMatchObject({
      code: 'ENVIRONMENT',
      remedy: expect.stringContaining('npm install apache-arrow'),
    });
  });

  test.each([null, {}, { __ffi_unserializable__: 1, __type__: 'x' }, { __type__: 'x' }, 'x'])(
    '[I5.5] %j is no marker of an object that could not be sent',
    (value) => {
      expect(isUnserializable(value)).toBe(false);
    },
  );
});
