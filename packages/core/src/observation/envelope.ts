import type { Process } from '../process/process.ts';

/** A message with what is known of its way: in a mailbox only while somebody records. @internal */
export class Envelope {
  /** What was sent. */
  readonly message: unknown;
  /** Number of the pid that sent it. */
  readonly from: number | undefined;
  /** When it came, in milliseconds of the system's clock. */
  readonly atMs: number;
  /** The trace that was active then. */
  readonly traceId: string | undefined;

  /**
   * @param message - What was sent.
   * @param from - Number of the pid that sent it.
   * @param atMs - When it came.
   * @param traceId - The trace that was active then.
   */
  constructor(
    message: unknown,
    from: number | undefined,
    atMs: number,
    traceId: string | undefined,
  ) {
    this.message = message;
    this.from = from;
    this.atMs = atMs;
    this.traceId = traceId;
  }
}

/** The message itself, whether it lies in an envelope or not. @internal */
export function contentOf(held: unknown): unknown {
  return held instanceof Envelope ? held.message : held;
}

/** Takes the oldest message that matches out of a mailbox, wherever it stands; nobody will handle it. @internal */
export function takeOut(
  { mailbox, runtime }: Process,
  matches: (message: unknown) => boolean,
): unknown {
  const taken = mailbox.take((held) => matches(contentOf(held)));
  return runtime.recorder === undefined ? taken : runtime.recorder.open(taken);
}
