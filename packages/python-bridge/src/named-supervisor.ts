import type { ProcessContext, StartResult } from '@snakepit/core';
import { Supervisor, type SupervisorOptions } from '@snakepit/supervisor';

/**
 * Starts a supervisor below another, once the names of its children are free.
 *
 * Had an earlier one been killed, its children would still be ending in order, which takes as long as they need for
 * their workers; started before that, the new ones would find their names taken, and supervision would give up.
 *
 * @param self - Its supervisor.
 * @param childNames - Registered names of all its children.
 */
export async function startNamedSupervisor(
  self: ProcessContext,
  name: string,
  options: SupervisorOptions,
  childNames: readonly string[],
): Promise<StartResult> {
  const { system } = self;
  await Promise.all(
    childNames.map(async (childName) => {
      const earlier = system.whereis(childName);
      if (earlier !== undefined) await system.awaitExit(earlier);
    }),
  );
  return new Promise((resolve) => {
    self.startLink(Supervisor, options, { name }, resolve);
  });
}
