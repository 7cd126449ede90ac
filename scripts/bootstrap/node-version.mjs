/**
 * Says what is wrong with this version of Node, if anything.
 *
 * @param {string} version for example `20.19.0`
 * @returns {string | null}
 */
export function nodeProblem(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return null;
  return [
    `Node.js 20.19 or newer is needed; this is ${version} (${process.execPath}).`,
    'Remedy: install a current one (https://nodejs.org, or: nvm install 20), then run this command again.',
  ].join('\n');
}
