import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

const LISTEN = '0A';

/**
 * TCP ports on which a process listens; nothing where there is no /proc.
 *
 * @param {number} pid
 * @returns {string[]} `tcp 41234`
 */
export function listeningPortsOf(pid) {
  const inodes = socketInodesOf(pid);
  return ['tcp', 'tcp6'].flatMap((table) =>
    rowsOf(`/proc/net/${table}`)
      .filter((row) => row[3] === LISTEN && inodes.has(row[9] ?? ''))
      .map((row) => `${table} ${Number.parseInt(row[1]?.split(':')[1] ?? '', 16)}`),
  );
}

/**
 * Unix sockets that are open on paths under a folder; nothing where there is no /proc.
 *
 * @param {string} folder
 * @returns {string[]}
 */
export function unixSocketsUnder(folder) {
  const paths = rowsOf('/proc/net/unix').map((row) => row[7] ?? '');
  return [...new Set(paths.filter((path) => path.startsWith(`${folder}/`)))];
}

/** @param {string} file */
function rowsOf(file) {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(1);
  return lines.map((line) => line.trim().split(/\s+/));
}

/** @param {number} pid */
function socketInodesOf(pid) {
  try {
    const folder = `/proc/${pid}/fd`;
    const links = readdirSync(folder).map((name) => readlinkSync(`${folder}/${name}`));
    return new Set(links.flatMap((link) => link.match(/^socket:\[(\d+)\]$/)?.[1] ?? []));
  } catch {
    return new Set(); // Gone meanwhile.
  }
}
