import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../chaos/command/system/random.mjs';
import { randomBytes, type Attack, type Victim } from './attack.ts';
import { almostRight } from './call-attacks.ts';
import {
  batch,
  chunkOf,
  failureOf,
  field,
  frame,
  hello,
  lengthOf,
  message,
  numberField,
  pieceOf,
  resultOf,
  resultsOf,
} from './frames.ts';
import { oddResults } from './joined.ts';

// Workers that answer calls in frames, and should not answer so. Calls 1 to 4 are open on each connection.

/** How long a worker stays after what it said, in milliseconds. */
const stayMs = 60;
const json = Buffer.from('{"a":[1,2]}');

/** Attacks of a worker on the runtime that calls it. */
export const frameAttacks: readonly Attack[] = [
  attack('random frames of a worker', (random) => [
    message(batch(many(random, 30, () => anyFrame(random)))),
  ]),
  attack('messages that are no batches', (random) =>
    many(random, 10, () => message(almostRight(random))),
  ),
  attack('frames cut anywhere', (random) => {
    const whole = message(batch([hello(), ...many(random, 10, () => anyFrame(random))]));
    return [whole.subarray(0, random.integer(1, whole.length))];
  }),
  attack('frames with a byte changed', (random) => {
    const whole = message(batch([hello(), ...many(random, 10, () => anyFrame(random))]));
    for (let n = random.integer(1, 5); n > 0; n -= 1) {
      whole[random.integer(5, whole.length - 1)] = random.integer(0, 255);
    }
    return [whole];
  }),
  attack('frames byte by byte', (random) =>
    [...message(batch([hello(), anyFrame(random)]))].map((byte) => Buffer.from([byte])),
  ),
  attack('a message that says it is giant', (random) => [
    lengthOf(random.pick([0xff_ff_ff_ff, 101 << 20, 99 << 20])),
    randomBytes(random, 5_000),
  ]),
  attack('a frame longer than its message', () => [message(Buffer.from([0x0a, 0xff, 0xff, 0x7f]))]),
  attack('the same end twice, and more after it', (random) => [
    message(batch(many(random, 20, () => frame(random.integer(1, 4), resultOf(json))))),
    message(batch(many(random, 20, () => frame(random.integer(1, 4), chunkOf(json))))),
  ]),
  attack('more chunks than were granted', (random) => [
    message(batch(many(random, 300, () => frame(2, chunkOf(json))))),
  ]),
  attack('attachments that are announced and never come', (random) => [
    message(
      batch(
        [1, 2, 3, 4].map((call) =>
          frame(
            call,
            resultOf(
              json,
              many(random, 8, () => sizeOf(random)),
            ),
          ),
        ),
      ),
    ),
  ]),
  {
    name: 'all the memory there is',
    run: async (victim: Victim, random: Random): Promise<void> => {
      const greedy = attack('one of many', () => [
        message(batch([1, 2, 3, 4].map((call) => frame(call, resultOf(json, [2 ** 31 - 1]))))),
      ]);
      const workers = many(random, 40, () => greedy.run(victim, random));
      await Promise.all(workers);
    },
  },
  attack('pieces that nobody announced', (random) => [
    message(
      batch([
        frame(1, resultOf(json, [10])),
        ...many(random, 9, () =>
          frame(random.integer(0, 5), pieceOf(randomBytes(random, random.integer(0, 30)))),
        ),
      ]),
    ),
  ]),
  attack('results that share frames, and make no sense', (random) =>
    many(random, 5, () => oddResults(random)),
  ),
  attack('values nested beyond reason', (random) => {
    const depth = random.pick([100, 5_000, 200_000]);
    const opened = random.pick(['[', '{"a":', '{"__snakepit__":"dict","items":[["a",']);
    return [
      message(
        batch([
          frame(1, resultOf(Buffer.from(opened.repeat(depth)))),
          frame(2, resultOf(Buffer.from('['.repeat(depth) + ']'.repeat(depth)))),
        ]),
      ),
    ];
  }),
  attack('errors nested beyond reason', (random) => {
    const depth = random.pick([10, 1_000, 50_000]);
    const key = random.pick(['cause', 'context', 'group', 'notes', 'stacktrace']);
    const text = `{"type":"E","message":"m","${key}":`.repeat(depth) + 'null' + '}'.repeat(depth);
    return [
      message(
        batch([
          frame(1, failureOf(0, Buffer.from(text))),
          frame(2, failureOf(random.pick([3, 5, 8, 99]), Buffer.from(text))),
        ]),
      ),
    ];
  }),
  attack('markers of values that make no sense', (random) => [
    message(
      batch(
        [1, 2, 3].map((call) =>
          frame(call, resultOf(Buffer.from(oddMarker(random)), [randomBytes(random, 20)])),
        ),
      ),
    ),
  ]),
  attack('a flood of hellos and pongs', (random) => [
    message(
      batch(
        many(random, 3_000, () =>
          frame(
            random.integer(0, 9),
            random.chance(0.5) ? hello() : field(12, almostRight(random)),
          ),
        ),
      ),
    ),
  ]),
];

function attack(name: string, makeParts: (random: Random) => readonly Buffer[]): Attack {
  return {
    name,
    run: async ({ address }, random) => {
      const socket = connect(address.slice('unix:'.length));
      socket.on('error', () => undefined);
      if (random.chance(0.7)) socket.resume();
      for (const part of makeParts(random)) {
        if (socket.destroyed) break;
        socket.write(part);
      }
      await sleep(stayMs);
      if (random.chance(0.5)) socket.end();
      else socket.destroy();
      await sleep(5);
      socket.destroy();
    },
  };
}

function many<T>(random: Random, most: number, make: () => T): T[] {
  return Array.from({ length: random.integer(1, most) }, make);
}

function anyFrame(random: Random): Buffer {
  const call = random.pick([0, 1, 2, 3, 4, 5, 77, 2 ** 32 - 1, 2 ** 53 - 1]);
  const sizes = random.chance(0.3) ? many(random, 3, () => sizeOf(random)) : [];
  const text = random.pick([
    json,
    Buffer.from('[1'),
    Buffer.alloc(0),
    Buffer.from('"\u{10ffff}"'),
    randomBytes(random, 9),
  ]);
  const kinds = [
    () => hello(),
    () => resultOf(text, sizes),
    () => resultsOf(text),
    () => failureOf(random.integer(0, 20), text),
    () => chunkOf(text, sizes),
    () => pieceOf(randomBytes(random, random.integer(0, 500))),
    () => field(12, almostRight(random)),
    () => field(random.integer(1, 20), almostRight(random)),
    () => numberField(random.integer(1, 20), random.integer(0, 1_000_000)),
  ];
  return frame(call, random.pick(kinds)());
}

function sizeOf(random: Random): number {
  return random.pick([0, 1, 5, 300_000, 2 ** 30, 2 ** 31 - 1, 2 ** 32, 2 ** 53 - 1]);
}

function oddMarker(random: Random): string {
  const kind = random.pick([
    'bytes',
    'ndarray',
    'arrow',
    'datetime',
    'decimal',
    'int',
    'bigint',
    'dict',
    'escaped',
    'uuid',
    'set',
    'nothing',
  ]);
  const at = random.pick(['0', '1', '-1', '1e9', '"0"', 'null', '[]']);
  const shape = random.pick(['[1]', '[-1]', '[1e9,1e9]', '"x"', '[]', 'null', '[0.5]']);
  const dtype = random.pick(['"<f8"', '"object"', '"|V99999"', '7', '"<i8"', '""']);
  const value = random.pick([
    '"1"',
    '""',
    '1',
    'null',
    '"9".repeat',
    '{"__snakepit__":"int"}',
    `"${'9'.repeat(5_000)}"`,
  ]);
  return `{"__snakepit__":"${kind}","at":${at},"shape":${shape},"dtype":${dtype},"value":${value},"items":${value}}`;
}
