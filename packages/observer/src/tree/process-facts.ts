import type { ActorSystem, ProcessFacts, ProcessInfo } from '@snakepit/core';

/** What all sources know of a process, the later ones over the earlier; `undefined` when none knows it. */
export function factsOf(system: ActorSystem, process: ProcessInfo): ProcessFacts | undefined {
  let facts: ProcessFacts | undefined;
  for (const { name, describe } of system.observation.sources) {
    try {
      const more = describe?.(process);
      if (more !== undefined) facts = facts === undefined ? more : { ...facts, ...more };
    } catch (error) {
      system.logger.warn(`the observation source ${name} failed`, { error });
    }
  }
  return facts;
}
