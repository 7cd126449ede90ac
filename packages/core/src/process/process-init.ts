import type { Behaviour } from '../behaviours/behaviour.ts';
import type { StartListener } from './pending-start.ts';
import type { Pid } from './pid.ts';
import type { Process } from './process.ts';
import type { Runtime } from './runtime.ts';

/** What a process is begun with. @internal */
export interface ProcessInit {
  /** Where it lives. */
  readonly runtime: Runtime;
  /** Its pid. */
  readonly pid: Pid;
  /** Who spawned it. */
  readonly parent: Pid;
  /** The name it is registered under. */
  readonly name: string | undefined;
  /** Which way it runs. */
  readonly behaviour: Behaviour<never>;
  /** Handed to the behaviour. */
  readonly input: unknown;
  /** Who wants to know how the start ended. */
  readonly onStarted: StartListener | undefined;
  /** The process that is linked and told by `onStarted`, to be spared the EXIT of a failed start (GEN-009). */
  readonly starter: Process | undefined;
}
