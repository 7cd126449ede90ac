import { describe, expect, test } from '@jest/globals';
import { isSnakepitError } from '@snakepit/core';
import { createArgumentCheck } from './argument-check.ts';
import type { JsonSchema } from './json-schema.ts';
import { readToolInfo, signatureOf, type ToolInfo } from './tool-info.ts';

/** A tool with these parameters; those whose name ends in `?` have a default. */
function toolOf(parameters: Readonly<Record<string, JsonSchema>>, takesMore = false): ToolInfo {
  const named = Object.entries(parameters).map(([name, schema]) => ({
    name: name.replace('?', ''),
    schema,
    required: !name.endsWith('?'),
  }));
  return readToolInfo({
    name: 'predict',
    description: '',
    parameters: named.map(({ name, schema, required }) => ({
      name,
      required,
      type: schema.type ?? 'any',
    })),
    metadata: {
      input_schema: JSON.stringify({
        properties: Object.fromEntries(named.map(({ name, schema }) => [name, schema])),
        additionalProperties: takesMore,
      }),
    },
    supportsStreaming: false,
  });
}

function fault(tool: ToolInfo, args: object, binary?: object): string {
  const check = createArgumentCheck(tool, { pool: 'default' });
  const error = check(args as Record<string, unknown>, binary as Record<string, unknown>);
  if (error === undefined) return 'fits';
  expect(isSnakepitError(error) && error.code).toBe('INVALID_ARGUMENT');
  return error.message.replace('[INVALID_ARGUMENT] ', '');
}

describe('createArgumentCheck', () => {
  const tool = toolOf({ text: { type: 'string' }, 'limit?': { type: 'integer' } });

  test('[I5.6] an unknown name is refused with the nearest one and the signature', () => {
    expect(fault(tool, { text: 'a', limt: 1 })).toBe(
      'args.limt is no argument of the tool (tool "predict") (pool "default"). Its signature: predict({ text: string, limit?: integer }).\nRemedy: did you mean "limit"?',
    );
    expect(fault(tool, { text: 'a' }, { 'x y': Buffer.from('') })).toMatch(
      /^options\.binary\["x y"\] is no argument of the tool/,
    );
    expect(fault(toolOf({ text: {} }, true), { text: 'a', other: 1 })).toBe('fits');
  });

  test('[I5.6] what is missing is named, wherever the others are', () => {
    expect(fault(tool, {})).toMatch(/^args\.text is missing \(tool/);
    expect(fault(tool, { text: undefined })).toMatch(/^args\.text is missing/);
    expect(fault(tool, {}, { text: Buffer.from('a') })).toMatch(/is binary data, not string/);
    // Not what every object has.
    expect(fault(toolOf({ constructor: {} }), {})).toMatch(/^args\.constructor is missing/);
    const many = toolOf({ a: {}, b: {}, c: {} });
    expect(fault(many, { b: 1 })).toMatch(/^args\.a is missing, and so is args\.c/);
    expect(fault(many, {})).toMatch(/^args\.a is missing, and so are args\.b, args\.c/);
  });

  const integer = { type: 'integer' } as const;
  test.each<[JsonSchema, unknown, string]>([
    [integer, 1, 'fits'],
    [integer, 10n ** 30n, 'fits'],
    [integer, true, 'fits'],
    [integer, 1.5, 'is 1.5, not integer'],
    [integer, NaN, 'is NaN, not integer'],
    [integer, '5', 'is "5", not integer'],
    [integer, null, 'is null, not integer'],
    [integer, Buffer.from('a'), 'is binary data, not integer'],
    [{ type: 'number' }, 1, 'fits'],
    [{ type: 'number' }, 'x'.repeat(100), `is "${'x'.repeat(77)}...", not number`],
    [{ type: 'string' }, 'a', 'fits'],
    [{ type: 'string' }, 5, 'is 5, not string'],
    [{ type: 'string' }, ['a'], 'is an array, not string'],
    [{ type: 'string' }, { a: 1 }, 'is an object, not string'],
    [{ type: 'boolean' }, false, 'fits'],
    [{ type: 'boolean' }, 0, 'is 0, not boolean'],
    [{ type: 'array' }, [], 'fits'],
    [{ type: 'array' }, new Float64Array(2), 'fits'],
    [{ type: 'array' }, new Set(), 'fits'],
    [{ type: 'array' }, { length: 1 }, 'is an object, not array'],
    [{ type: 'object' }, { a: 1 }, 'fits'],
    [{ type: 'object' }, Object.create(null), 'fits'],
    [{ type: 'object' }, new Map(), 'fits'],
    [{ type: 'object' }, [1], 'is an array, not object'],
    [{ type: 'null' }, null, 'fits'],
    [{ anyOf: [integer, { type: 'null' }] }, null, 'fits'],
    [{ anyOf: [integer, { type: 'null' }] }, 'a', 'is "a", not any'],
    [{ anyOf: [integer, { 'x-python': 'bytes' }] }, 'a', 'fits'],
    [{ enum: ['red', 'blue'] }, 'red', 'fits'],
    [{ enum: [1, 2] }, 2n, 'fits'],
    [{ enum: ['red', 'blue'] }, 'green', 'is "green", not any'],
    [{ type: 'string', 'x-python': 'datetime.datetime' }, 5, 'fits'],
    [{ type: 'string' }, new Date(), 'fits'],
    [{}, Symbol('s'), 'fits'],
  ])('[I5.6] hint %j, given %p: %s', (schema, value, expected) => {
    const found = fault(toolOf({ a: schema }), { a: value });
    if (expected === 'fits') expect(found).toBe('fits');
    else expect(found).toContain(`args.a ${expected}`);
  });

  test('[I5.6] None as the default of another type may be given, too', () => {
    expect(fault(toolOf({ 'a?': { ...integer, default: null } }), { a: null })).toBe('fits');
    expect(fault(toolOf({ 'a?': { ...integer, default: 1 } }), { a: null })).toContain('is null');
    expect(fault(toolOf({ 'a?': { ...integer, default: 'auto' } }), { a: 'auto' })).toBe('fits');
  });

  test('[I5.6] a tool of which nothing is known is called with anything', () => {
    const said = { name: 't', description: '', parameters: [], metadata: {} };
    const unknown = readToolInfo({ ...said, supportsStreaming: false });
    expect(fault(unknown, { whatever: 1 })).toBe('fits');
    const broken = { ...said, metadata: { input_schema: '{', output_schema: '5' } };
    expect(readToolInfo({ ...broken, supportsStreaming: false }).returns.schema).toEqual({});
  });
});

describe('signatureOf', () => {
  const base = toolOf({ a: { type: 'integer' } });

  test('[I5.6] changes with what calls depend on', () => {
    const others = [
      toolOf({ b: { type: 'integer' } }),
      toolOf({ a: { type: 'number' } }),
      toolOf({ 'a?': { type: 'integer' } }),
      toolOf({ a: { type: 'integer' } }, true),
      toolOf({ a: { type: 'object', properties: { default: { type: 'string' } } } }),
      { ...base, supportsStreaming: true },
      { ...base, returns: { type: 'int', description: '', schema: { type: 'integer' } as const } },
    ];
    const all = new Set([base, ...others].map(signatureOf));
    expect(all.size).toBe(8);
  });

  test('[I5.6] does not change with texts and defaults, nor with the order of keys', () => {
    const described = toolOf({ a: { description: 'a number', default: 5, type: 'integer' } });
    expect(signatureOf({ ...described, description: 'does it' })).toBe(signatureOf(base));
    const named = (description: string): ToolInfo =>
      toolOf({
        a: {
          properties: {
            enum: { type: 'string', description },
            properties: { type: 'string', description },
          },
        },
      });
    expect(signatureOf(named('one text'))).toBe(signatureOf(named('another')));
  });
});
