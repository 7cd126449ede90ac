import type { CallOptions } from '../process/process-context.ts';
import type { Pid } from '../process/pid.ts';
import type { ActorSystem } from '../system.ts';
import type { Server, ServerRef } from './gen-server.ts';

/** Makes the typed reference to a GenServer: one method for each of its calls and casts. */
export function createServerRef<I, Calls, Casts>(
  system: ActorSystem,
  pid: Pid,
  server: Server<I, Calls, Casts>,
): ServerRef<Calls, Casts> {
  const call: Record<string, (arg?: unknown, options?: CallOptions) => Promise<unknown>> = {};
  const cast: Record<string, (arg?: unknown) => void> = {};
  for (const type of Object.keys(server.calls as object)) {
    call[type] = (arg, options) => system.call(pid, request(type, arg), options);
  }
  for (const type of Object.keys(server.casts as object)) {
    cast[type] = (arg) => {
      system.cast(pid, request(type, arg));
    };
  }
  // The methods are made from the very keys that the types list.
  return { pid, call, cast } as unknown as ServerRef<Calls, Casts>;
}

function request(type: string, arg: unknown): { readonly type: string; readonly arg: unknown } {
  return { type, arg };
}
