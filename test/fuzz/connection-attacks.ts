import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../chaos/command/system/random.mjs';
import { randomBytes, type Attack, type Victim } from './attack.ts';

// Peers that do not even speak HTTP/2 rightly.

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const emptySettings = frame(4, 0, 0, Buffer.alloc(0));
/** How long a peer waits for the end of its connection, in milliseconds. */
const patienceMs = 150;
const HEADERS = 1;
const CONTINUATION = 9;

/** Attacks below HTTP/2 and on its frames; they need no token, and never get so far. */
export const connectionAttacks: readonly Attack[] = [
  attack('random bytes', (random) => [randomBytes(random, random.integer(1, 20_000))]),
  attack('another protocol', (random) => [
    Buffer.from(`GET /${'x'.repeat(random.integer(0, 100_000))} HTTP/1.1\r\nHost: a\r\n\r\n`),
  ]),
  attack('a preface and random bytes', (random) => [
    preface,
    emptySettings,
    randomBytes(random, random.integer(1, 20_000)),
  ]),
  attack('random frames', (random) => [preface, emptySettings, ...randomFrames(random)]),
  attack('a giant frame', (random) => [
    preface,
    emptySettings,
    header(0xff_ff_ff, random.integer(0, 9), 0, 1),
    randomBytes(random, 30_000),
  ]),
  attack('giant headers', (random) => [
    preface,
    emptySettings,
    // A literal of a megabyte, in headers that never end.
    frame(HEADERS, 0, 1, Buffer.concat([literalOf(1_000_000), Buffer.alloc(8_000, 0x61)])),
    ...Array.from({ length: random.integer(1, 100) }, () =>
      frame(CONTINUATION, 0, 1, Buffer.alloc(16_000, 0x61)),
    ),
  ]),
  attack('headers without end', (random) => [
    preface,
    emptySettings,
    frame(HEADERS, 0, 1, Buffer.from([0x82])),
    ...Array.from({ length: random.integer(100, 2_000) }, () =>
      frame(CONTINUATION, 0, 1, Buffer.from([0x82, 0x86, 0x84])),
    ),
  ]),
  attack('a flood of settings and pings', (random) => [
    preface,
    ...Array.from({ length: random.integer(100, 5_000) }, () =>
      random.chance(0.5) ? emptySettings : frame(6, 0, 0, Buffer.alloc(8)),
    ),
  ]),
  {
    name: 'a slow peer',
    run: (victim, random) =>
      converse(victim, async (socket) => {
        for (const byte of [...preface, ...emptySettings].slice(0, random.integer(1, 33))) {
          if (socket.destroyed) return;
          socket.write(Buffer.from([byte]));
          await sleep(2);
        }
      }),
  },
  {
    name: 'many half-open connections',
    run: async (victim: Victim, random: Random): Promise<void> => {
      const many = Array.from({ length: random.integer(10, 60) }, () =>
        converse(victim, (socket) => {
          if (random.chance(0.5)) socket.write(preface.subarray(0, random.integer(0, 24)));
          if (random.chance(0.5)) socket.end();
          return sleep(random.integer(0, 50));
        }),
      );
      await Promise.all(many);
    },
  },
];

function attack(name: string, makeParts: (random: Random) => readonly Buffer[]): Attack {
  return {
    name,
    run: (victim, random) =>
      converse(victim, async (socket) => {
        for (const part of makeParts(random)) {
          if (socket.destroyed) return;
          socket.write(part);
        }
        await Promise.race([closed(socket), sleep(patienceMs)]);
      }),
  };
}

/** Connects, speaks, and lets go. */
async function converse(
  { address }: Victim,
  speak: (socket: Socket) => Promise<unknown>,
): Promise<void> {
  const [host = '', port] = address.split(':');
  const socket = host === 'unix' ? connect(address.slice(5)) : connect(Number(port), host);
  // Refused, reset, broken: whatever the victim does.
  socket.on('error', () => undefined).resume();
  const isThere = await Promise.race([
    new Promise<boolean>((resolve) => {
      socket.once('connect', () => {
        resolve(true);
      });
    }),
    closed(socket).then(() => false),
  ]);
  if (isThere) await speak(socket);
  socket.destroy();
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => {
      resolve();
    });
  });
}

function randomFrames(random: Random): Buffer[] {
  return Array.from({ length: random.integer(1, 50) }, () =>
    frame(
      random.integer(0, 12),
      random.integer(0, 255),
      random.pick([0, 1, 1, 2, 3, 5, 0x7f_ff_ff_ff]),
      randomBytes(random, random.integer(0, 300)),
    ),
  );
}

/** An HTTP/2 frame. */
function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  return Buffer.concat([header(payload.length, type, flags, stream), payload]);
}

function header(length: number, type: number, flags: number, stream: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes.writeUIntBE(length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  return bytes;
}

/** The beginning of a header field of HPACK whose value has so many bytes. */
function literalOf(length: number): Buffer {
  const digits = [0x7f];
  for (let rest = length - 127; ; rest >>= 7) {
    if (rest < 128) {
      digits.push(rest);
      break;
    }
    digits.push((rest & 127) | 128);
  }
  return Buffer.from([0x40, 1, 0x61, ...digits]);
}
