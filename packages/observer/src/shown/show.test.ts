import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { createShower } from './show.ts';

const { show } = createShower('full');

describe('what leaves the process', () => {
  test('[I6.6] is plain JSON, whatever the value was', () => {
    // What has no value is not there, as in JSON; in a list it holds its place.
    class Engine {
      readonly power = 5;
    }
    const value = {
      text: 'a',
      whole: 1,
      none: null,
      nothing: undefined,
      token: undefined,
      places: [undefined, 1],
      notANumber: NaN,
      large: 2n ** 70n,
      symbol: Symbol('s'),
      method: () => 1,
      bytes: Buffer.alloc(5_000_000),
      numbers: new Float64Array(2),
      raw: new ArrayBuffer(3),
      when: new Date(0),
      never: new Date(NaN),
      map: new Map<unknown, unknown>([
        ['a', 1],
        ['password', 'hunter2'],
        [{ deep: true }, 2],
      ]),
      set: new Set([1, 'b']),
      engine: new Engine(),
      bare: Object.assign(Object.create(null) as object, { a: 1 }),
    };
    expect(JSON.parse(JSON.stringify(show(value)))).toEqual({
      text: 'a',
      whole: 1,
      none: null,
      places: ['[undefined]', 1],
      notANumber: 'NaN',
      large: '1180591620717411303424n',
      symbol: 'Symbol(s)',
      method: '[function]',
      bytes: '[Buffer, 5000000 bytes]',
      numbers: '[Float64Array, 16 bytes]',
      raw: '[ArrayBuffer, 3 bytes]',
      when: '1970-01-01T00:00:00.000Z',
      never: '[no date]',
      map: {
        '[Map]': [
          ['a', 1],
          ['password', '[redacted]'],
          [{ deep: true }, 2],
        ],
      },
      set: { '[Set]': [1, 'b'] },
      engine: { power: 5 },
      bare: { a: 1 },
    });
  });

  test('[I6.6] runs no code of the value: getters, toJSON, proxies, inherited names', () => {
    const ran: string[] = [];
    const value = {
      get computed() {
        ran.push('getter');
        throw new Error('a getter ran');
      },
      toJSON: () => {
        ran.push('toJSON');
        return 'lies';
      },
      proxy: new Proxy(
        {},
        {
          ownKeys: () => {
            ran.push('trap');
            throw new Error('a trap ran');
          },
          getPrototypeOf: () => {
            ran.push('trap');
            throw new Error('a trap ran');
          },
        },
      ),
      map: Object.assign(new Map([[1, 2]]), {
        entries: () => {
          ran.push('entries');
          return [];
        },
      }),
    };
    Object.defineProperty(value, Symbol.toStringTag, {
      get: () => {
        ran.push('tag');
        return 'Map';
      },
    });
    expect(show(value)).toEqual({
      computed: '[computed]',
      toJSON: '[function]',
      proxy: '[proxy]',
      map: { '[Map]': [[1, 2]] },
    });
    expect(ran).toEqual([]);
  });

  test('[I6.6] follows circles once, and shows what is only shared each time', () => {
    const shared = { a: 1 };
    const circle: Record<string, unknown> = { one: shared, two: shared };
    circle['self'] = circle;
    circle['list'] = [circle];
    expect(show(circle)).toEqual({
      one: { a: 1 },
      two: { a: 1 },
      self: '[circle]',
      list: ['[circle]'],
    });
  });

  test('[I6.6] is cut: depth 6, lists of 100, texts of 2 kB, 200 members, 256 kB in all', () => {
    const deep = { 1: { 2: { 3: { 4: { 5: { 6: { 7: 'never' } } } } } } };
    expect(show(deep)).toEqual({ 1: { 2: { 3: { 4: { 5: { 6: '[cut: object]' } } } } } });
    expect(show([[[[[[[1]]]]]]])).toEqual([[[[[['[cut: list]']]]]]]);
    const list = show(Array.from({ length: 5_000 }, (_, index) => index)) as unknown[];
    expect([list.length, list[99], list[100]]).toEqual([101, 99, '[cut: 4900 more]']);
    expect(show('x'.repeat(3_000))).toBe(`${'x'.repeat(2_000)}[cut]`);
    expect(show(10n ** 5_000n)).toBe(`1${'0'.repeat(1_999)}[cut]n`);
    const many = show(
      Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`m${String(index)}`, 1])),
    ) as Record<string, unknown>;
    expect(Object.keys(many)).toHaveLength(201);
    expect(many['[cut]']).toBe('100 more');
    const maps = show(new Map(Array.from({ length: 150 }, (_, index) => [index, index])));
    expect((maps as { '[Map]': unknown[] })['[Map]'].at(-1)).toEqual(['[cut: 50 more]']);
    const sets = show(new Set(Array.from({ length: 150 }, (_, index) => index)));
    expect((sets as { '[Set]': unknown[] })['[Set]'].at(-1)).toBe('[cut: 50 more]');
    // Small, and endless to who looks at every part.
    let wide: unknown = 'y'.repeat(1_900);
    for (let depth = 0; depth < 5; depth += 1) wide = Array.from({ length: 90 }, () => wide);
    const text = JSON.stringify(show(wide));
    expect(text.length).toBeLessThan(300_000);
    expect(text).toMatch(/\[cut: \d+ more\]/);
  });

  test('[I6.6] hides what looks secret, at any depth, and never by what it holds', () => {
    const secrets = {
      password: 'a',
      apiKey: { nested: 'b' },
      headers: { Authorization: 'c', Cookie: 'd', accept: 'e' },
      CLIENT_SECRET: 1,
      credentials: ['f'],
      accessToken: null,
      list: [{ passphrase: 'g' }],
    };
    expect(show(secrets)).toEqual({
      password: '[redacted]',
      apiKey: '[redacted]',
      headers: { Authorization: '[redacted]', Cookie: '[redacted]', accept: 'e' },
      CLIENT_SECRET: '[redacted]',
      credentials: '[redacted]',
      accessToken: '[redacted]',
      list: [{ passphrase: '[redacted]' }],
    });
  });

  test('[I6.6] keeps the names of members as they are, also dangerous ones', () => {
    const value = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}') as unknown;
    const shown = show(value) as object;
    expect(Object.getPrototypeOf(shown)).toBe(Object.prototype);
    expect(JSON.stringify(shown)).toBe('{"__proto__":{"a":1},"constructor":2}');
  });

  test('[I6.6] tells of errors what they say, of any realm', () => {
    class WorkerError extends Error {
      readonly worker = 'w3';
    }
    const error = new WorkerError('it broke', { cause: new TypeError('deeper') });
    expect(show(error)).toMatchObject({
      name: 'WorkerError',
      message: 'it broke',
      stack: expect.stringContaining('it broke'),
      worker: 'w3',
      cause: { name: 'TypeError', message: 'deeper' },
    });
    expect(show(runInNewContext('new RangeError("far away")'))).toMatchObject({
      name: 'RangeError',
      message: 'far away',
    });
  });

  test('[I6.6] goes through the user’s own redaction, which cannot uncover a secret', () => {
    const seen: string[] = [];
    const own = createShower('full', (value, key, path) => {
      seen.push(path.join('.'));
      if (key === 'email') return '***';
      if (key === 'broken') throw new Error('no');
      return value;
    });
    expect(own.show({ user: { email: 'a@b.c', id: 1 }, broken: 'leak', password: 'p' })).toEqual({
      user: { email: '***', id: 1 },
      broken: '[redaction failed]',
      password: '[redacted]',
    });
    expect(seen).toEqual(['', 'user', 'user.email', 'user.id', 'broken', 'password']);
  });

  test('[I6.6] gives the user’s own redaction also what is in nothing else', () => {
    const own = createShower('full', (value) => (value === '4111 1111' ? 'a card' : value));
    expect(own.showData('4111 1111')).toBe('a card');
  });

  test('[I6.6] shows of what leaves together no more than of a single value', () => {
    const large = Array.from({ length: 100 }, () => 'x'.repeat(1_900));
    const { show: showMore, showData } = createShower('full').together();
    const all = Array.from({ length: 50 }, () => [showMore(large), showData(large)]);
    expect(JSON.stringify(all).length).toBeLessThan(300_000);
    expect(all[0]?.[0]).toEqual(large);
    expect(all.at(-1)).toEqual(['[cut: too much]', '[cut: too much]']);
  });

  test('[I6.6] shows of data only the names of members, or nothing, when so told', () => {
    const keys = createShower('keys');
    expect(keys.showData({ a: 'secret', b: { c: 1 } })).toEqual(['a', 'b']);
    expect(keys.showData(['secret'])).toEqual([]);
    expect(keys.showData('secret')).toBeNull();
    const hostile = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no');
        },
      },
    );
    expect(keys.showData(hostile)).toEqual([]);
    const ran: string[] = [];
    keys.showData(new Proxy({}, { ownKeys: () => (ran.push('trap'), []) }));
    expect(ran).toEqual([]);
    expect(createShower('none').showData({ a: 1 })).toBeNull();
    expect(createShower('full').showData({ a: 1 })).toEqual({ a: 1 });
  });
});
