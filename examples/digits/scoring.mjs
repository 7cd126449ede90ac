/** @typedef {{ weights: number[][], bias: number[] }} Model what Python's `train` returns */
/** @typedef {{ fold: number, images: number[] }} Batch images of one fold */

/**
 * Cuts the images into batches; a batch holds images of one fold, for it is scored by one model.
 *
 * @param {number[]} folds the fold of each image
 * @param {number} size
 * @returns {Batch[]}
 */
export function batchesOf(folds, size) {
  return [...new Set(folds)].sort().flatMap((fold) => {
    const images = folds.flatMap((of, image) => (of === fold ? [image] : []));
    return Array.from({ length: Math.ceil(images.length / size) }, (_, i) => ({
      fold,
      images: images.slice(i * size, (i + 1) * size),
    }));
  });
}

/**
 * Scores every batch by the model that has not seen its images.
 *
 * @param {import('snakepit').Snakepit} snakepit
 * @param {object} work
 * @param {Batch[]} work.batches
 * @param {Model[]} work.models by fold
 * @param {number} work.paceMs
 * @param {number} work.lanes how many calls are under way at the same time
 * @param {AbortSignal} work.signal
 * @param {(done: number) => void} work.onProgress
 * @returns {Promise<(number | undefined)[]>} the digit seen in each image
 */
export async function scoreAll(snakepit, work) {
  const { models, paceMs, signal } = work;
  /** @type {(number | undefined)[]} */
  const seen = [];
  const waiting = work.batches.values();
  let done = 0;
  async function lane() {
    for (const { fold, images } of waiting) {
      /** @type {number[]} */
      const digits = await snakepit.execute(
        'score',
        { model: models[fold], images, pace_ms: paceMs },
        // Scoring twice does no harm: when a worker dies, another one does its batch again.
        { idempotent: true, signal },
      );
      for (const [i, image] of images.entries()) seen[image] = digits[i];
      done += 1;
      work.onProgress(done);
    }
  }
  await Promise.all(Array.from({ length: work.lanes }, lane));
  return seen;
}

/**
 * How often each digit was taken for which: a row for each digit that was written, a column for each that was seen.
 *
 * @param {number[]} labels
 * @param {(number | undefined)[]} seen
 * @returns {number[][]}
 */
export function confusionOf(labels, seen) {
  const matrix = Array.from({ length: 10 }, () => new Array(10).fill(0));
  for (const [image, label] of labels.entries()) {
    const row = matrix[label];
    const digit = seen[image];
    if (row && digit !== undefined) row[digit] += 1;
  }
  return matrix;
}

/**
 * @param {number[]} labels
 * @param {(number | undefined)[]} seen
 */
export function accuracyOf(labels, seen) {
  return labels.filter((label, image) => label === seen[image]).length / labels.length;
}
