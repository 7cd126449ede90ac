// Makes a bare clone ready to run; does nothing, quickly and silently, when it already is.
// This file and node-version.mjs keep to old syntax, so that an old Node gets a sentence, not a SyntaxError.
import { nodeProblem } from './bootstrap/node-version.mjs';

const problem = nodeProblem(process.versions.node);
if (problem) {
  console.error(problem);
  process.exitCode = 1;
} else {
  import('./bootstrap/main.mjs').then((main) => main.runBootstrap());
}
