import { duplexPair, type Duplex } from 'node:stream';
import type { Frame, Frame__Output } from '../../gen/snakepit/bridge/Frame.ts';
import { reference } from './frames-codec.fixture.ts';

/** The worker's end of a stream of frames, which says what the test says. */
export class ScriptedPeer {
  /** Our end. */
  readonly stream: Duplex;
  /** Frames that came, oldest first. */
  readonly frames: Frame__Output[] = [];
  /** How many frames each message had. */
  readonly batches: number[] = [];
  readonly #own: Duplex;
  #rest = Buffer.alloc(0);
  #news: () => void = () => undefined;

  constructor() {
    const [ours, theirs] = duplexPair();
    this.stream = ours;
    this.#own = theirs;
    theirs.on('data', (chunk: Buffer) => {
      this.#hear(chunk);
    });
    theirs.on('error', () => undefined);
  }

  /** Sends frames as one message. */
  say(...frames: Frame[]): void {
    this.sayRaw(reference.encode({ frames }));
  }

  /** Sends bytes as one message. */
  sayRaw(message: Buffer): void {
    const header = Buffer.alloc(5);
    header.writeUInt32BE(message.length, 1);
    this.#own.write(Buffer.concat([header, message]));
  }

  /** Reads no more. */
  pause(): void {
    this.#own.pause();
  }

  /** Reads again. */
  resume(): void {
    this.#own.resume();
  }

  /** Ends its half of the stream. */
  end(): void {
    this.#own.end();
  }

  /** Ends the stream with an error. */
  break(): void {
    this.#own.destroy();
    this.stream.destroy(new Error('read ECONNRESET'));
  }

  /** Waits for so many frames in all. */
  async heard(count: number): Promise<readonly Frame__Output[]> {
    while (this.frames.length < count) {
      await new Promise<void>((resolve) => {
        this.#news = resolve;
      });
    }
    return this.frames;
  }

  #hear(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 5) {
      const end = 5 + this.#rest.readUInt32BE(1);
      if (this.#rest.length < end) break;
      const { frames } = reference.decode(this.#rest.subarray(5, end));
      this.batches.push(frames.length);
      this.frames.push(...frames);
      this.#rest = this.#rest.subarray(end);
    }
    this.#news();
  }
}
