import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Random } from '../chaos/command/system/random.mjs';
import { randomBytes, type Attack, type Victim } from './attack.ts';
import { field, lengthOf, message, numberField } from './frames.ts';
import { oddCalls } from './joined.ts';

// Peers that speak HTTP/2, with and without the token, and then misbehave.

const methods = [
  ...['Ping', 'InitializeSession', 'CleanupSession', 'GetSession', 'Heartbeat', 'ExecuteTool'],
  ...['ExecuteStreamingTool', 'RegisterTools', 'GetExposedElixirTools', 'ExecuteElixirTool'],
  ...['Frames', 'StreamTelemetry', 'NoSuchMethod'],
] as const;

/** How long a stream that is held open waits, in milliseconds. */
const holdMs = 100;
/** What a small message grows to when it is unpacked: more than any may have. */
const bombBytes = 120 << 20;

/** Attacks on calls. About half of them know the token. */
export const callAttacks: readonly Attack[] = [
  attack('random messages', (random) => message(randomBytes(random, random.integer(0, 5_000)))),
  attack('messages of almost the right kind', (random) => message(almostRight(random))),
  attack('a message that says it is giant', (random) =>
    Buffer.concat([
      lengthOf(random.pick([0xff_ff_ff_ff, 0x7f_ff_ff_ff, 200 << 20])),
      Buffer.alloc(99),
    ]),
  ),
  attack('half a message', (random) => {
    const whole = message(randomBytes(random, random.integer(10, 5_000)));
    return whole.subarray(0, random.integer(1, whole.length - 1));
  }),
  attack('no message at all', () => Buffer.alloc(0)),
  attack('many messages', (random) =>
    Buffer.concat(
      Array.from({ length: random.integer(2, 300) }, () => message(almostRight(random))),
    ),
  ),
  attack(
    'garbage that says it is compressed',
    (random) => {
      const bytes = message(randomBytes(random, 500));
      bytes[0] = random.integer(1, 255);
      return bytes;
    },
    { 'grpc-encoding': 'gzip' },
  ),
  attack('a message that grows when it is unpacked', () => compressed(Buffer.alloc(bombBytes)), {
    'grpc-encoding': 'gzip',
  }),
  attack(
    'calls that share frames, and make no sense',
    (random) => Buffer.concat(Array.from({ length: random.integer(1, 5) }, () => oddCalls(random))),
    { ':path': '/snakepit.bridge.BridgeService/Frames' },
  ),
  {
    name: 'giant metadata',
    run: (victim, random) =>
      visit(victim, async (session) => {
        const fields = Object.fromEntries(
          Array.from({ length: random.integer(1, 60) }, (_, n) => [
            `x-field-${n}`,
            'y'.repeat(random.integer(1, 60_000)),
          ]),
        );
        await speak(open(session, victim, random, fields), message(Buffer.alloc(0)));
      }),
  },
  {
    name: 'streams that are given up at once',
    run: (victim, random) =>
      visit(victim, async (session) => {
        for (let n = random.integer(50, 500); n > 0 && !session.destroyed; n -= 1) {
          open(session, victim, random)?.close(8);
        }
        await sleep(holdMs);
      }),
  },
  {
    name: 'many streams that say nothing',
    run: (victim, random) =>
      visit(victim, async (session) => {
        for (let n = random.integer(10, 300); n > 0; n -= 1) open(session, victim, random);
        await sleep(holdMs);
      }),
  },
  {
    name: 'answers that nobody reads',
    run: (victim, random) =>
      visit(victim, async (session) => {
        for (let n = random.integer(1, 50); n > 0; n -= 1) {
          const stream = open(session, victim, random);
          stream?.pause();
          stream?.end(message(almostRight(random)));
        }
        await sleep(holdMs);
      }),
  },
];

function attack(
  name: string,
  makeBody: (random: Random) => Buffer,
  headers: Readonly<Record<string, string>> = {},
): Attack {
  return {
    name,
    run: (victim, random) =>
      visit(victim, async (session) => {
        await speak(open(session, victim, random, headers), makeBody(random));
      }),
  };
}

/** Connects and lets go, whatever happens. */
async function visit(
  { address }: Victim,
  act: (session: ClientHttp2Session) => Promise<void>,
): Promise<void> {
  const [host = '', port] = address.split(':');
  const place = host === 'unix' ? { path: address.slice(5) } : { host, port: Number(port) };
  const session = connect('http://localhost', place);
  session.on('error', () => undefined);
  try {
    await act(session);
  } finally {
    session.destroy();
  }
}

function open(
  session: ClientHttp2Session,
  { token }: Victim,
  random: Random,
  headers: Readonly<Record<string, string>> = {},
): ClientHttp2Stream | undefined {
  if (session.destroyed || session.closed) return undefined;
  const tokens = [token, token, '', `${token}0`, token.toUpperCase(), 'x'.repeat(2_000)];
  const stream = session.request({
    ':method': random.chance(0.95) ? 'POST' : 'PUT',
    ':path': `/snakepit.bridge.BridgeService/${random.pick(methods)}`,
    'content-type': random.chance(0.95) ? 'application/grpc' : 'text/html',
    te: 'trailers',
    'x-snakepit-token': random.pick(tokens),
    ...(random.chance(0.2) ? { 'grpc-timeout': random.pick(['1n', '0S', '99999999H', 'x']) } : {}),
    ...headers,
  });
  stream.on('error', () => undefined);
  return stream;
}

async function speak(stream: ClientHttp2Stream | undefined, body: Buffer): Promise<void> {
  if (stream === undefined) return;
  stream.resume();
  const over = new Promise((resolve) => stream.once('close', resolve));
  stream.end(body);
  await Promise.race([over, sleep(5 * holdMs)]);
}

function compressed(body: Buffer): Buffer {
  const bytes = message(gzipSync(body));
  bytes[0] = 1;
  return bytes;
}

/** Bytes that are protobuf: fields of chance, nested a little, some of them unknown to every message. */
export function almostRight(random: Random, depth = 0): Buffer {
  const fields = Array.from({ length: random.integer(0, 6) }, () => {
    const number = random.pick([1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 77, 536_870_911]);
    return random.chance(0.3)
      ? numberField(number, random.pick([0, 1, 300, 2 ** 31, 2 ** 53 - 1]))
      : field(number, contentOf(random, depth));
  });
  return Buffer.concat(fields);
}

function contentOf(random: Random, depth: number): Buffer {
  if (depth < 4 && random.chance(0.5)) return almostRight(random, depth + 1);
  const texts = [
    '',
    's1',
    'echo',
    '{"a":1}',
    '[',
    '\u0000',
    'nothing of the kind',
    '"'.repeat(999),
  ];
  return random.chance(0.6)
    ? Buffer.from(random.pick(texts))
    : randomBytes(random, random.integer(0, 200));
}
