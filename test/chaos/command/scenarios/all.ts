import type { Scenario } from '../scenario.ts';
import { forkServerScenarios } from './fork-server.ts';
import { momentScenarios } from './moments.ts';
import { runtimeScenarios } from './runtime.ts';
import { scarcityScenarios } from './scarcity.ts';
import { workerScenarios } from './workers.ts';

/** Every kind of history. */
export const scenarios: readonly Scenario[] = [
  ...runtimeScenarios,
  ...workerScenarios,
  ...momentScenarios,
  ...scarcityScenarios,
  ...forkServerScenarios,
];
