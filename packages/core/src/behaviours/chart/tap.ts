import type { Frame } from '../../observation/watches.ts';
import type { StepTap } from '../xstate-internals.ts';

/** Writes what a chart does into the frame of one message. */
export function tapOf({ steps, actions }: Frame): StepTap {
  return {
    took: (transitions, event) => {
      for (const { source, target, guard, guardName } of transitions) {
        steps.push({
          source: source.id,
          event,
          targets: target?.map(({ id }) => id) ?? [],
          guard: guard === undefined ? undefined : (guardName ?? '(inline)'),
        });
      }
    },
    acted: (name) => {
      actions.push(name);
    },
  };
}
