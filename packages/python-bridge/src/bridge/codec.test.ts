import { describe, expect, test } from '@jest/globals';
import { isSnakepitError } from '@snakepit/core';
import fc from 'fast-check';
import {
  decodeJson,
  decodeToolResponse,
  decodeValue,
  encodeArguments,
  encodeJson,
} from './codec.ts';
import type { ToolResponse, ValueMode } from './codec.ts';
import { asPython } from './values/python-value.ts';
import type { ErrorIds } from '../errors.ts';

function complaint(args: unknown, binary?: unknown, mode?: ValueMode): string {
  try {
    // What JavaScript callers do; the types forbid it.
    const bytes = binary as Record<string, Uint8Array>;
    encodeArguments(args as Record<string, unknown>, 'add', bytes, mode);
  } catch (error) {
    if (!isSnakepitError(error)) throw error;
    expect(error.code).toBe('INVALID_ARGUMENT');
    return error.message;
  }
  throw new Error('the arguments were accepted');
}

function textOf(args: Record<string, unknown>, name: string): string {
  return encodeArguments(args).json[name] ?? '';
}

const markerLike = { __snakepit__: 'bytes', at: 0 };
const cyclic: Record<string, unknown> = { name: 'root' };
cyclic['children'] = [{}, { up: cyclic }];

class Plain {
  readonly x = 1;
}

describe('encodeArguments', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['function', { cb: () => 1 }, 'args.cb is a function, which cannot be sent to Python'],
    ['symbol', { s: Symbol('x') }, 'args.s is a symbol'],
    ['undefined in an array', { x: [1, undefined] }, 'args.x[1] is undefined'],
    // eslint-disable-next-line no-sparse-arrays -- the hole is what is tested
    ['hole in an array', { x: [1, , 3] }, 'args.x[1] is undefined'],
    ['symbol in a Map', { x: { 'a b': new Map([[1, Symbol('y')]]) } }, 'args.x["a b"][0][1] is a'],
    ['undefined in a Set', { x: new Set([1, undefined]) }, 'args.x[1] is undefined'],
    ['early Date', { x: [new Date(-1e14)] }, 'args.x[0] is a Date beyond the years 1 to 9999'],
    ['__proto__', { x: JSON.parse('{"__proto__":{}}') }, 'args.x.__proto__ has a name with'],
    ['Promise', { x: Promise.resolve() }, 'Remedy: await it first.'],
    ['RegExp', { x: /a/ }, 'args.x is an instance of RegExp'],
    ['Error', { x: new Error('no') }, 'args.x is an instance of Error'],
    ['invalid Date', { at: new Date('never') }, 'args.at is an invalid Date'],
    ['class', { x: [new Plain()] }, 'args.x[0] is an instance of Plain'],
    [
      'cycle',
      { tree: cyclic },
      'args.tree.children[1].up refers to args.tree, which contains it (a cycle)',
    ],
    ['toJSON that gives nothing', { x: { toJSON: () => undefined } }, 'args.x is undefined'],
    [
      'throwing getter',
      {
        x: {
          get y(): never {
            throw new Error('lazy');
          },
        },
      },
      'args.x has a toJSON method or a getter that throws (Error: lazy)',
    ],
    [
      'toJSON that throws no error',
      {
        x: {
          toJSON(): never {
            throw Object.create(null);
          },
        },
      },
      'throws ([Object: null prototype] {})',
    ],
  ])('[I2.7] %s is refused with its path, what it is, what to do', (_, args, expected) => {
    const message = complaint(args);
    expect(message).toContain(expected);
    expect(message).toContain('(tool "add")');
    expect(message).toContain('Remedy: ');
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['BigInt', { n: 1n }, 'args.n is a BigInt, which JSON does not have'],
    ['Map', { x: { 'a b': new Map() } }, 'args.x["a b"] is an instance of Map'],
    ['Set', { x: new Set() }, 'args.x is an instance of Set, which JSON would not keep'],
    ['Buffer', { x: { data: Buffer.from('a') } }, 'args.x.data is binary data (Buffer) inside'],
    ['typed array', { x: new Float64Array(2) }, 'args.x is binary data (Float64Array)'],
    ['ArrayBuffer', { x: [new ArrayBuffer(2)] }, 'args.x[0] is binary data (ArrayBuffer)'],
    ['type of Python', { x: asPython('float', 5) }, 'args.x is an instance of PythonValue'],
  ])('[I5.5] for a server of the original %s is refused', (_, args, expected) => {
    expect(complaint(args, undefined, 'plain')).toContain(expected);
  });

  test('[I5.5] for a server of the original numbers that JSON lacks are its texts', () => {
    const args = { a: [NaN, Infinity, -Infinity], b: new Date(0), c: 2 ** 60, d: markerLike };
    expect(encodeArguments(args, 'add', {}, 'plain')).toEqual({
      json: {
        a: '["NaN","Infinity","-Infinity"]',
        b: '"1970-01-01T00:00:00.000Z"',
        c: '1152921504606847000',
        d: JSON.stringify(markerLike),
      },
      attachments: [],
      binary: {},
    });
  });

  test('[I2.7] too deep is refused before Python would give up', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 600; level++) deep = [deep];
    expect(complaint({ deep })).toContain('is nested deeper than 500 levels');
  });

  test.each([
    [null, 'args is null, not an object'],
    [[1, 2], 'args is an array, not an object'],
    ['x', 'args is a string, not an object'],
    [new Map(), 'args is a Map, not an object'],
    [new Set([1]), 'args is a Set, not an object'],
    [Promise.resolve({ a: 1 }), 'args is a Promise (await it first), not an object'],
    [Buffer.from('x'), 'args is binary data, not an object'],
    [new Float64Array(2), 'args is binary data, not an object'],
    [{ '': 1 }, 'args[""] is no name of an argument'],
    [{ __snakepit__: 1 }, 'args["__snakepit__"] is no name of an argument'],
    [JSON.parse('{"__proto__": 1}'), 'args["__proto__"] is no name of an argument'],
  ])('%p is no set of arguments', (args, expected) => {
    expect(complaint(args)).toContain(expected);
  });

  test('bytes may have a name that every object has', () => {
    const bytes = new Uint8Array([1]);
    const { binary } = encodeArguments({ a: 1 }, 'add', { constructor: bytes, toString: bytes });
    expect(Object.keys(binary)).toEqual(['constructor', 'toString']);
    expect(complaint({ a: 1 }, { a: bytes })).toContain(
      'options.binary.a is an argument of args too',
    );
  });

  test('undefined properties are left out, and toJSON says what is sent', () => {
    const at = new Date(Date.UTC(2026, 0, 2));
    const args = {
      gone: undefined,
      kept: { a: undefined, b: null },
      at,
      url: new URL('https://example.org/x'),
      own: { toJSON: () => ({ x: 1 }) },
    };
    expect(Object.keys(encodeArguments(args).json)).toEqual(['kept', 'at', 'url', 'own']);
    expect(textOf(args, 'kept')).toBe('{"b":null}');
    expect(textOf(args, 'at')).toBe('{"__snakepit__":"instant","ms":1767312000000}');
    expect(textOf(args, 'url')).toBe('"https://example.org/x"');
    expect(textOf(args, 'own')).toBe('{"x":1}');
  });

  test('a Buffer or Uint8Array argument travels as bytes, also from the option binary', () => {
    const image = Buffer.from([1, 2, 3]);
    const encoded = encodeArguments({ image, n: 1 }, 'f', { extra: new Uint8Array([9]) });
    expect(encoded.binary).toEqual({ image, extra: new Uint8Array([9]) });
    expect(Object.keys(encoded.json)).toEqual(['n']);
  });

  test('the option binary takes binary data, each argument once', () => {
    expect(complaint({}, { x: 'text' })).toContain('options.binary.x is not binary data');
    expect(complaint({ x: 1 }, { x: Buffer.alloc(1) })).toContain(
      'options.binary.x is an argument of args too',
    );
    expect(complaint({}, [])).toContain('options.binary is an array');
  });

  test('what was encoded is a copy: later changes are not seen', () => {
    const items = [1];
    const encoded = encodeArguments({ items });
    items.push(2);
    expect(decodeValue(encoded.json['items'] ?? '')).toEqual([1]);
  });

  test('shared references that are no cycle are fine', () => {
    const shared = { x: 1 };
    expect(textOf({ pair: [shared, shared] }, 'pair')).toBe('[{"x":1},{"x":1}]');
  });

  test('every JSON value survives the way there and back', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        // A name that is refused; a test of its own says so.
        fc.pre(!JSON.stringify(value).includes('"__proto__"'));
        // JSON has no negative zero; what JavaScript's own JSON makes of it is the measure.
        expect(decodeJson(encodeJson(value, 'x'))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('whatever is accepted is what JSON.stringify would keep: nothing is dropped silently', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withTypedArray: true }),
        (value) => {
          let encoded;
          try {
            encoded = encodeJson(value, 'x');
          } catch (error) {
            expect(isSnakepitError(error)).toBe(true);
            return;
          }
          const back = decodeJson(encoded);
          // Encoding once more gives the same: the value was JSON already, but for undefined properties, dates and -0.
          expect(encodeJson(back, 'x')).toEqual(encoded);
        },
      ),
    );
  });
});

function decode(response: Partial<ToolResponse>, ids?: ErrorIds): unknown {
  const empty = {
    success: false,
    result: null,
    error_message: '',
    binary_result: Buffer.alloc(0),
    attachments: [],
  };
  return decodeToolResponse({ ...empty, ...response }, ids);
}

describe('decodeToolResponse', () => {
  test('a result is JSON, or bytes, also when there are none', () => {
    expect(decode({ success: true, result: encodeJson([1, 'é'], 'x') })).toEqual([1, 'é']);
    expect(decode({ success: true, result: { type_url: '', value: Buffer.alloc(0) } })).toBeNull();
    const bytes = Buffer.from([0, 255]);
    expect(decode({ success: true, binary_result: bytes })).toEqual(bytes);
    expect(decode({ success: true })).toEqual(Buffer.alloc(0));
  });

  test('[I2.7] an exception becomes an error with everything that Python knew', () => {
    const error_message = JSON.stringify({
      type: 'ValueError',
      module: 'builtins',
      message: 'n must be positive',
      stacktrace: ['  File "a.py"'],
      traceback:
        'Traceback (most recent call last):\n  File "a.py"\nValueError: n must be positive\n',
      context: { tool_name: 'f', session_id: '' },
    });
    const thrown = catchError(() => decode({ error_message }, { tool: 'f', pool: 'p' }));
    expect(thrown).toMatchObject({
      code: 'PYTHON_EXCEPTION',
      details: { type: 'ValueError', message: 'n must be positive', tool: 'f', pool: 'p' },
    });
    expect(thrown.stack).toContain('File "a.py"');
  });

  test('an exception as plain text, or in the fields of the original, is kept too', () => {
    expect(catchError(() => decode({ error_message: 'it broke' })).message).toContain(
      'Exception: it broke',
    );
    const original = JSON.stringify({
      python_type: 'KeyError',
      message: "'x'",
      stacktrace: ['a\n', 'b\n'],
    });
    const thrown = catchError(() => decode({ error_message: original }));
    expect(thrown).toMatchObject({ details: { type: 'KeyError', traceback: 'a\nb\n' } });
  });

  test('[I2.7] a result that cannot be encoded says what a tool may return', () => {
    const error_message = JSON.stringify({
      type: 'EncodingError',
      module: 'm',
      message: 'object of type set',
    });
    expect(catchError(() => decode({ error_message })).message).toContain(
      'Remedy: return values that docs/values.md lists',
    );
  });

  test('a value that is not JSON is an error of the protocol', () => {
    const result = { type_url: 'type.googleapis.com/x.Y', value: Buffer.from('<xml>') };
    expect(catchError(() => decode({ success: true, result }))).toMatchObject({
      code: 'PROTOCOL',
      details: { problem: 'a value is not JSON: "<xml>"' },
    });
  });
});

function catchError(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('nothing was thrown');
}
