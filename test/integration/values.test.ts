import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  ArrowTable,
  asPython,
  isUnserializable,
  NdArray,
  type Snakepit,
} from '@snakepit/python-bridge';
import fc from 'fast-check';
import { describeValue } from '../fixtures/describe-value.ts';
import { errorOf, SnakepitBench } from '../fixtures/snakepit-bench.ts';

const paths = ['auto', 'unary'] as const;
const bench = new SnakepitBench();
let snakepit: Snakepit;

beforeAll(async () => {
  const adapter = 'values_lab.ValuesLab';
  snakepit = await bench.startAll([
    ...paths.map((callPath) => ({ name: callPath, adapter, callPath })),
    { name: 'marker', adapter, unserializable: 'marker' },
  ]);
}, 60_000);

afterAll(async () => {
  await bench.close();
});

/** Keys that differ in Python, where 1 and true are the same one. */
const keys = fc.oneof(
  fc.string({ maxLength: 4 }),
  fc.bigInt({ min: 2n ** 53n }),
  fc.integer(),
  fc.constant(null),
  fc.date({ min: new Date(0), max: new Date(2e14), noInvalidDate: true }),
);
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const leaves = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom('\ud800', 'a\udfff', '\u0000', '__snakepit__', 'NaN'),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(-0, 2 ** 53, -(2 ** 53), 2 ** 60, 1e21, -1e21, 5e-324, 0.1),
  fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n }),
  fc.constantFrom(2n ** 53n, -(2n ** 53n), 2n ** 53n - 1n, 0n),
  fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
  bytes,
  bytes.map((buffer) => new Uint8Array(buffer)),
  bytes.map((buffer) => Uint8Array.from(buffer).buffer),
  bytes.map((buffer) => new DataView(Uint8Array.from(buffer).buffer)),
  fc.int8Array(),
  fc.uint8ClampedArray(),
  fc.int16Array(),
  fc.uint16Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.bigInt64Array(),
  fc.bigUint64Array(),
  fc.float32Array({ noNaN: true }),
  fc.float64Array({ noNaN: true }),
  fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 })).map(
    ([rows, columns]) =>
      new NdArray({
        dtype: 'int16',
        shape: [rows, columns],
        data: Int16Array.from({ length: rows * columns }, (_, index) => index - 3),
      }),
  ),
);
const { value: values } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaves,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      // `__proto__` is refused; a test of its own says so.
      fc.oneof(
        fc.string().filter((key) => key !== '__proto__'),
        fc.constantFrom('__snakepit__', 'constructor', '1'),
      ),
      tie('value'),
      { maxKeys: 5, noNullPrototype: true },
    ),
    fc.uniqueArray(fc.tuple(keys, tie('value')), { selector: keyOf, maxLength: 4 }).map(mapOf),
    fc.uniqueArray(keys, { selector: describeValue, maxLength: 4 }).map((all) => new Set(all)),
  ),
}));

function keyOf([key]: readonly [unknown, unknown]): string {
  return describeValue(key);
}

function mapOf(pairs: [unknown, unknown][]): Map<unknown, unknown> {
  return new Map(pairs);
}

/** What comes back of a value: memory is a Buffer, a Map whose keys are all text an object. */
function returned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(returned);
  if (value instanceof Set) return new Set([...value].map(returned));
  if (value instanceof Map) {
    const pairs = [...value].map(([key, item]) => [returned(key), returned(item)] as const);
    return pairs.every(([key]) => typeof key === 'string')
      ? Object.fromEntries(pairs as [string, unknown][])
      : new Map(pairs);
  }
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  if (value instanceof Uint8ClampedArray) return new Uint8Array(value);
  if (value instanceof DataView || value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, returned(item)]));
}

/** Seed and number of runs; a failure prints the seed, which is to be put here. */
const runs = { numRuns: 300, seed: Number(process.env['VALUES_SEED'] ?? Date.now() % 2 ** 31) };

describe.each(paths)('values on the call path %s', (pool) => {
  const echo = (value: unknown): Promise<unknown> => snakepit.execute('echo', { value }, { pool });
  const describeThere = (value: unknown): Promise<string> =>
    snakepit.execute<string>('describe', { value }, { pool });

  test('[I5.5] whatever Node sends is in Python what the rules say, and comes back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        const args = { value: [value] };
        const answer = await snakepit.execute<{ is: string; value: unknown }>('examine', args, {
          pool,
        });
        expect(answer.is).toBe(describeValue([value]));
        const back = returned([value]);
        if (!isDeepStrictEqual(answer.value, back)) expect(answer.value).toEqual(back);
      }),
      runs,
    );
  }, 120_000);

  test('[I5.5] whatever Python sends comes back to it as the rules say', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const made = await snakepit.execute('make', { seed }, { pool });
        const expected = await snakepit.execute('made', { seed }, { pool });
        expect(await describeThere(made)).toBe(expected);
      }),
      { ...runs, numRuns: 200 },
    );
  }, 120_000);

  test.each<[string, unknown, string]>([
    ['a whole number is an int', 5, 'int:5'],
    ['one with a fraction is a float', 0.5, 'float:3fe0000000000000'],
    ['one beyond 2**53 is a float', 2 ** 60, 'float:43b0000000000000'],
    ['a BigInt is an int', 2n ** 60n, 'int:1000000000000000'],
    ['-0 is a float', -0, 'float:8000000000000000'],
    ['a float by name', asPython('float', 5), 'float:4014000000000000'],
    ['a Decimal by name', asPython('decimal', '12.30'), 'decimal.Decimal:12.30'],
    [
      'a UUID by name',
      asPython('uuid', '00112233-4455-6677-8899-aabbccddeeff'),
      'uuid.UUID:00112233-4455-6677-8899-aabbccddeeff',
    ],
    ['a date by name', asPython('date', '2026-01-31'), 'datetime.date:2026-01-31'],
    ['a time by name', asPython('time', '12:30:00.5'), 'datetime.time:12:30:00.500000'],
    [
      'a naive datetime by name',
      asPython('datetime', '2026-01-31T12:30:00'),
      'datetime.datetime:2026-01-31 12:30:00',
    ],
    ['a timedelta by name', asPython('timedelta', 90.5), 'datetime.timedelta:0:01:30.500000'],
    ['a Date is an aware datetime', new Date(1), 'instant:1'],
    ['an array in a Set is a tuple', new Set([[1, [2]]]), 'set<(int:1,(int:2))>'],
  ])('[I5.5] %s', async (_, value, expected) => {
    expect(await describeThere(value)).toBe(expected);
    expect(await describeThere({ deep: [value] })).toContain(`=[${expected}]`);
  });

  test.each<[string, unknown]>([
    ['pydantic', { name: 'n', tags: new Set([1]) }],
    ['timestamp', new Date('2026-01-02T03:04:05Z')],
    ['missing', [null, null, null]],
    ['masked', [1, null]],
    ['objects', [1, 'a', null]],
    ['clock', ['2026-01-02T03:04:05.123456789', 1.5]],
    ['marker', { __snakepit__: 'bytes', at: 0 }],
  ])('[I5.5] what Python has of %s arrives as the rules say', async (kind, expected) => {
    expect(await snakepit.execute('special', { kind }, { pool })).toEqual(expected);
  });

  test('[I5.5] a table is Arrow on the way, and a table of pyarrow when it comes back', async () => {
    const table = await snakepit.execute<ArrowTable>('table', {}, { pool });
    expect(table).toBeInstanceOf(ArrowTable);
    expect(await snakepit.execute('read_table', { table }, { pool })).toEqual({
      type: 'Table',
      rows: [
        { n: 1, text: 'a', at: new Date('2026-01-02T03:04:05Z'), __index_level_0__: 'x' },
        { n: 2, text: null, at: null, __index_level_0__: 'y' },
      ],
    });
    for (const kind of ['series', 'batch']) {
      const value = await snakepit.execute('special', { kind }, { pool });
      expect(value).toBeInstanceOf(ArrowTable);
    }
    const broken = snakepit.execute(
      'describe',
      { value: [new ArrowTable(Buffer.from('no'))] },
      { pool },
    );
    expect(await errorOf(broken)).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test.each([
    ['mute', {}, "value['at'][0] is an object of values_lab.Mute, which cannot be sent"],
    ['special', { kind: 'long' }, 'is an array of'],
    ['special', { kind: 'deep' }, 'is nested deeper than 500 levels'],
    ['special', { kind: 'loop' }, 'contains itself'],
  ])('[I5.5] %s %j is refused by Python with its path', async (tool, args, text) => {
    const error = await errorOf(snakepit.execute(tool, args, { pool }));
    expect(error).toMatchObject({ code: 'PYTHON_EXCEPTION', details: { type: 'EncodingError' } });
    expect(error.message).toContain(text);
  });

  test('[I5.5] a result that would attack objects of JavaScript is refused with its path', async () => {
    const error = await errorOf(snakepit.execute('special', { kind: 'proto' }, { pool }));
    expect(error.code).toBe('PROTOCOL');
    expect(error.message).toContain('value.a has the key "__proto__"');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  test.each<[string, unknown]>([
    ['dict', new Map([[{}, 1]])],
    [
      'that are equal in Python',
      new Map<unknown, number>([
        [1, 1],
        [true, 2],
      ]),
    ],
    ['that are equal in Python', new Set<unknown>([1, true])],
  ])('[I5.5] keys and members that Python cannot have are refused: %s', async (text, value) => {
    const error = await errorOf(echo([value]));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toContain(text);
  });

  test('[I5.5] memory that is the whole argument or the whole result takes the short way', async () => {
    for (const value of [Buffer.from('abc'), new Uint8Array([1]), new ArrayBuffer(3)]) {
      expect(await echo(value)).toEqual(returned(value));
    }
    expect(await echo(Buffer.alloc(0))).toEqual(Buffer.alloc(0));
    expect(await echo(null)).toBeNull();
  });
});

test('[I5.5] an object that cannot be sent is a marker where the pool says so', async () => {
  const value = await snakepit.execute<{ at: unknown[] }>('mute', {}, { pool: 'marker' });
  expect(value).toEqual({
    at: [{ __ffi_unserializable__: true, __type__: 'values_lab.Mute' }],
  });
  expect(isUnserializable(value.at[0])).toBe(true);
  expect([value, null, 'x'].some(isUnserializable)).toBe(false);
});
