import type { Attack } from './attack.ts';
import { callAttacks } from './call-attacks.ts';
import { connectionAttacks } from './connection-attacks.ts';
import { frameAttacks } from './frame-attacks.ts';
import { openBridge } from './victims/bridge.ts';
import { openFrames } from './victims/frames.ts';
import type { Target } from './victims/target.ts';
import { openWorkers } from './victims/worker.ts';

/** Somebody who can be attacked, by the name that the command knows. */
export interface TargetKind {
  /** The name. */
  readonly name: string;
  /** What is done to it. */
  readonly attacks: readonly Attack[];
  /** Starts it. */
  readonly open: () => Promise<Target>;
}

const calls = [...connectionAttacks, ...callAttacks];

/** Everybody who can be attacked. */
export const targets: readonly TargetKind[] = [
  { name: 'runtime', attacks: calls, open: openBridge },
  { name: 'worker', attacks: calls, open: openWorkers },
  { name: 'frames', attacks: frameAttacks, open: openFrames },
];
