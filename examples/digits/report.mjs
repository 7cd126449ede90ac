import { accuracyOf, confusionOf } from './scoring.mjs';

/**
 * @param {import('./demo.mjs').Report} report
 * @param {import('./options.mjs').Options} options
 */
export function printReport(report, options) {
  if (options.json) console.log(JSON.stringify(asJson(report)));
  else for (const line of asLines(report)) console.log(line);
}

/** @param {import('./demo.mjs').Report} report */
function asJson(report) {
  const { calls, failed, labels, seen, workers, restarts, survivors, elapsedMs } = report;
  return {
    calls,
    failed,
    results: seen.filter((digit) => digit !== undefined).length,
    accuracy: accuracyOf(labels, seen),
    workers,
    restarts,
    survivors: survivors.length,
    elapsedMs,
  };
}

/** @param {import('./demo.mjs').Report} report */
function asLines(report) {
  const { labels, seen, pids, survivors } = report;
  const { results, accuracy, calls, failed, restarts, elapsedMs } = asJson(report);
  const cell = (/** @type {number} */ n) => String(n === 0 ? '·' : n).padStart(5);
  const heads = Array.from({ length: 10 }, (_, digit) => String(digit).padStart(5));
  return [
    '',
    `Written (rows) and recognised (columns), each image by the model that had not seen it:`,
    `    ${heads.join('')}`,
    ...confusionOf(labels, seen).map((row, digit) => `  ${digit} ${row.map(cell).join('')}`),
    '',
    `${results} of ${labels.length} images scored, ${(accuracy * 100).toFixed(1)} % recognised.`,
    `${calls} calls, ${failed} failed, ${report.retried} done again; ${restarts} worker restarted; ${(elapsedMs / 1000).toFixed(1)} s.`,
    survivors.length === 0
      ? `No process is left of the ${pids.length} that were workers (${pids.join(', ')}).`
      : `STILL RUNNING: ${survivors.join(', ')}`,
  ];
}
