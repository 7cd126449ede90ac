import type { Random } from '../chaos/command/system/random.mjs';
import { randomBytes } from './attack.ts';
import { batch, callsOf, frame, message, resultsOf } from './frames.ts';

// Frames that many calls or many results share, and that are not as they should be.

/** JSON that may stand where other JSON is expected. */
const oddValues: readonly string[] = [
  ...['null', 'true', '0', '-1', '1.5', '1e400', '4294967296', '"1"', '""', '[]', '{}'],
  ...['"\\ud800"', '"\\u0000"', '{"a":1,"a":2}', '{"__proto__":{"a":1}}'],
  ...['{"toString":1,"valueOf":1}', '[{"toString":1,"valueOf":1}]'],
  ...[
    '{"__snakepit__":"int","hex":"zz"}',
    '{"__snakepit__":"bytes","at":0}',
    '{"__snakepit__":[]}',
  ],
  ...['{"\\u005f_snakepit__":"float","v":"NaN"}', '9'.repeat(5_000), `"${'x'.repeat(70_000)}"`],
  '['.repeat(20_000) + ']'.repeat(20_000),
];

/** The same of what is no JSON. */
const oddTexts: readonly string[] = [
  ...['', 'NaN', '{"":NaN}', '{"a":]', '{"a":"}', '['.repeat(50_000), '{"a":'.repeat(20_000)],
];

/** Calls that share frames, as a runtime should not send them. */
export function oddCalls(random: Random): Buffer {
  const tools = ['"pid"', '"wait"', '"nothing of the kind"', '""'];
  const make = (number: number): string[] => [
    String(random.chance(0.95) ? number : random.integer(1, 40)),
    random.pick(tools),
    random.pick(['""', '""', '"s1"', '"\\ud800"']),
    random.pick(['0', '0', '1', '60000', '4294967295']),
    random.pick(['null', 'null', '{"traceparent":"00-1-1-00"}', '{}']),
    random.pick([
      '{}',
      '{}',
      '{"wrong":1}',
      '{"seconds":0.01}',
      '{"a":{"__snakepit__":"float","v":"NaN"}}',
    ]),
  ];
  return messageOf(random, make, callsOf);
}

/** Results that share frames, as a worker should not send them. */
export function oddResults(random: Random): Buffer {
  const make = (number: number): string[] => [
    random.chance(0.03)
      ? random.pick(oddValues)
      : String(random.chance(0.5) ? number : random.integer(1, 6)),
    String(random.integer(0, 1_000_000)),
    random.pick(['1', 'null', '[1,{"a":"\\u00e9"}]', '{"__snakepit__":"float","v":"NaN"}']),
  ];
  return messageOf(random, make, resultsOf);
}

function messageOf(
  random: Random,
  make: (number: number) => readonly string[],
  kindOf: (text: Buffer) => Buffer,
): Buffer {
  const frames = Array.from({ length: random.integer(1, 4) }, (_, index) =>
    frame(
      random.pick([0, 0, 0, 1]),
      kindOf(oddText(random, (number) => make(40 * index + number))),
    ),
  );
  return message(batch(frames));
}

function oddText(random: Random, make: (number: number) => readonly string[]): Buffer {
  const fields = Array.from({ length: random.integer(0, 40) }, (_, index) =>
    make(index + 1),
  ).flat();
  for (let n = random.integer(0, 3); n > 0 && fields.length > 0; n -= 1) {
    fields[random.integer(0, fields.length - 1)] = random.pick(
      random.chance(0.8) ? oddValues : oddTexts,
    );
  }
  const text = Buffer.from(`[${fields.join(random.pick([',', ',', ' ,\n']))}]`);
  if (random.chance(0.15)) return text.subarray(0, random.integer(0, text.length));
  if (random.chance(0.15)) text[random.integer(0, text.length - 1)] = random.integer(0, 255);
  return random.chance(0.05) ? randomBytes(random, random.integer(0, 500)) : text;
}
