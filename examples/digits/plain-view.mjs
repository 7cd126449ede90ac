import { readTree, rowText } from './process-tree.mjs';

/** A line about the progress every so many percent. */
const STEP_PERCENT = 10;

/**
 * Lines, for files, pipes and terminals that cannot move their cursor.
 *
 * @returns {import('./view.mjs').View}
 */
export function createPlainView() {
  let shownPercent = 0;
  return {
    note: (text) => console.log(text),
    watch(snakepit) {
      for (const row of readTree(snakepit)) console.log(`  ${rowText(row)}`.trimEnd());
    },
    progress(done, total) {
      const percent = Math.floor((done / total) * 100);
      if (percent < shownPercent + STEP_PERCENT) return;
      shownPercent = percent - (percent % STEP_PERCENT);
      console.log(`  ${String(shownPercent).padStart(3)} %  ${done} of ${total} calls answered`);
    },
    close: () => undefined,
  };
}
