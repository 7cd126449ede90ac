/** How many tasks each phase of the implementation plan has. */
const TASKS = [4, 3, 3, 4, 3];

/** The id of every implementation task: T1.1 … T5.3. */
export const taskIds = TASKS.flatMap((count, phase) =>
  Array.from({ length: count }, (_, index) => `T${phase + 1}.${index + 1}`),
);

/**
 * Whether an id looks like that of a task and is none: a slip of the pen.
 *
 * @param {string} id
 */
export function isNoTask(id) {
  return /^T\d/.test(id) && !taskIds.includes(id);
}
