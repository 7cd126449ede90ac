import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { createDarwin } from './darwin.ts';
import { createLinux } from './linux.ts';
import type { Platform, SystemCalls } from './platform.ts';
import { createWin32 } from './win32.ts';

/** A program that says nothing for so long is not worth the wait: this process stands still meanwhile. */
const RUN_LIMIT_MS = 10_000;

/** The calls of this operating system. */
const systemCalls: SystemCalls = {
  pid: process.pid,
  parentPid: process.ppid,
  // Asked each time: a server may give up its privileges after it was loaded.
  get uid() {
    return process.geteuid?.();
  },
  env: process.env,
  readText: (path) => readFileSync(path, 'utf8'),
  readBytes: (path) => readFileSync(path),
  readNames: (path) => readdirSync(path),
  readLink: (path) => readlinkSync(path),
  ownerOf: (path) => statSync(path).uid,
  run: (program, args, env = {}) =>
    execFileSync(program, args, {
      encoding: 'utf8',
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 64 * 1024 * 1024,
      timeout: RUN_LIMIT_MS,
      killSignal: 'SIGKILL',
      windowsHide: true,
    }),
  kill: (pid, signal) => {
    process.kill(pid, signal);
  },
};

/**
 * Makes the platform of a name.
 *
 * @param name - As in `process.platform`; what is neither Linux nor Windows counts as macOS.
 * @param calls - Calls to the operating system; default this one's.
 */
export function platformNamed(name: NodeJS.Platform, calls: SystemCalls = systemCalls): Platform {
  switch (name) {
    case 'linux':
      return createLinux(calls);
    case 'win32':
      return createWin32(calls);
    default:
      return createDarwin(calls);
  }
}

/** The platform that this process runs on: chosen here, and nowhere else. */
export const currentPlatform: Platform = platformNamed(process.platform);
