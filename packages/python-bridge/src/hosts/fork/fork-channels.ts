import type { Socket } from 'node:net';
import { connectTo, type ForkAddress } from './fork-connection.ts';
import type { ChannelRole } from './fork-messages.ts';

/** The connections of one launch: our ends of what become the descriptors of a worker. */
export interface ForkChannels {
  /** What it prints. */
  readonly stdout: Socket;
  /** What it prints as errors. */
  readonly stderr: Socket;
  /** Its beat channel. */
  readonly beats: Socket;
  /** Its silent lifeline. */
  readonly lifeline: Socket;
  /** Its call socket, if it is to have one. */
  readonly calls: Socket | undefined;
}

/**
 * Opens all connections of a launch, or none.
 *
 * @param withCalls - Whether the worker is to have a call socket.
 * @throws Error of the operating system, or whatever the signal was aborted with; all are closed then.
 */
export async function openChannels(
  address: ForkAddress,
  launch: number,
  withCalls: boolean,
  abort: AbortSignal,
): Promise<ForkChannels> {
  const open = (role: ChannelRole): Promise<Socket> =>
    connectTo(address, `${String(launch)} ${role}`, abort);
  const opening = [
    ...([open('stdout'), open('stderr'), open('beats'), open('lifeline')] as const),
    withCalls ? open('calls') : Promise.resolve(undefined),
  ] as const;
  try {
    const [stdout, stderr, beats, lifeline, calls] = await Promise.all(opening);
    abort.throwIfAborted();
    // Nothing of the event loop has to wait for what is neither written nor read.
    lifeline.unref();
    return { stdout, stderr, beats, lifeline, calls };
  } catch (error) {
    for (const result of await Promise.allSettled(opening)) {
      if (result.status === 'fulfilled') result.value?.destroy();
    }
    throw error;
  }
}

/** The roles of these connections, as a server is told. */
export function rolesOf({ calls }: ForkChannels): readonly ChannelRole[] {
  const always = ['stdout', 'stderr', 'beats', 'lifeline'] as const;
  return calls === undefined ? always : [...always, 'calls'];
}

/** Closes them all: whoever is behind them ends, or was never there. */
export function closeChannels({ stdout, stderr, beats, lifeline, calls }: ForkChannels): void {
  for (const socket of [stdout, stderr, beats, lifeline, calls]) socket?.destroy();
}
