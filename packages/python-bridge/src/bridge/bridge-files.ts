import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where the parts are that are not JavaScript. */
export interface BridgeFiles {
  /** The contract, `snakepit_bridge.proto`. */
  readonly proto: string;
  /** Directory that holds the Python package `snakepit_bridge`; it goes onto PYTHONPATH. */
  readonly pythonDir: string;
  /** Exact versions of what a worker imports. */
  readonly requirements: string;
  /** Directory that holds the watchdog's scripts. */
  readonly scriptsDir: string;
}

/**
 * Finds the proto file and the Python package, in the repository and in an installed package alike.
 *
 * @param here - URL of a module two folders below the package, as this one is in `src` and in `dist`.
 */
export function findBridgeFiles(here: string = import.meta.url): BridgeFiles {
  const at = (path: string): string => fileURLToPath(new URL(path, here));
  // Only the repository has this file. There, a copy made for packing may be old, and the original is beside it.
  const inRepository = existsSync(at('../../tsconfig.json'));
  const pythonDir = at(inRepository ? '../../../../priv/python' : '../../priv/python');
  return {
    proto: at(
      inRepository
        ? '../../../../proto/snakepit_bridge.proto'
        : '../../priv/proto/snakepit_bridge.proto',
    ),
    pythonDir,
    requirements: `${pythonDir}/requirements-runtime.lock`,
    scriptsDir: at(inRepository ? '../../../../priv/scripts' : '../../priv/scripts'),
  };
}
