// Classifies handwritten digits with Python workers, kills one of them half way, and shows that nothing is lost.
//
//   npm run demo                the tree, live, on a terminal; plain lines elsewhere
//   npm run demo -- --json      one JSON object, last
//   npm run demo -- --help
import { isSnakepitError } from 'snakepit';
import { runDemo } from './demo.mjs';
import { helpText, OptionsError, readOptions } from './options.mjs';
import { printReport } from './report.mjs';
import { createView } from './view.mjs';

/** Exit codes of programs that were ended by a signal: 128 and its number. */
const signalCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/** @param {string[]} args */
async function main(args) {
  const options = readOptions(args);
  if (options.help) {
    console.log(helpText);
    return 0;
  }
  const view = createView(options);
  const interrupt = new AbortController();
  for (const [signal, code] of Object.entries(signalCodes)) {
    // Snakepit stops itself on these signals; the calls are given up here, and the exit code is decided.
    process.on(signal, () => {
      process.exitCode ??= code;
      if (!interrupt.signal.aborted) view.note(`${signal}: stopping`);
      interrupt.abort();
    });
  }
  try {
    const report = await runDemo(options, view, interrupt.signal);
    view.close();
    printReport(report, options);
    return report.failed === 0 && report.survivors.length === 0 ? 0 : 1;
  } catch (error) {
    view.close();
    // Calls that were given up, a start that was broken off: that is what was asked for.
    if (!interrupt.signal.aborted) throw error;
    return undefined;
  }
}

try {
  const code = await main(process.argv.slice(2));
  process.exitCode ??= code;
} catch (error) {
  // What the user can do something about says so itself; anything else keeps its stack.
  const known = error instanceof OptionsError || isSnakepitError(error);
  console.error(known ? error.message : error);
  process.exitCode = error instanceof OptionsError ? 2 : 1;
}
