import type { LaunchMode } from '../pool/choose-launch.ts';

/** Which fork server an event is about. */
export interface ForkServerMetadata {
  /** Name of the pool. */
  readonly pool: string;
  /** Number of its operating system process; `undefined` when it had none. */
  readonly osPid: number | undefined;
}

/** Why a fork server takes the place of another: somebody wants new code, that one had grown, hung, died, or forked nothing that lived. */
export type ForkServerReplacement = 'manual' | 'memory_threshold' | 'hung' | 'died' | 'suspected';

/** Events of how workers are started, and of the fork servers that do it. */
export interface LaunchTelemetryEvents {
  /** It is decided how the workers of a pool are started; again, when that is decided otherwise. */
  'snakepit.pool.launch': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: {
      readonly pool: string;
      readonly mode: LaunchMode;
      /** What the configuration says. */
      readonly asked: 'auto' | 'fork' | 'spawn';
      readonly why: string;
    };
  };
  /** A fork server has imported what it is to, and forks workers. */
  'snakepit.forkserver.started': {
    readonly measurements: {
      readonly count: 1;
      /** From its start until it could fork. */
      readonly startupMs: number;
    };
    readonly metadata: ForkServerMetadata;
  };
  /** A fork server has ended by itself; its workers are gone with it, and another is started. */
  'snakepit.forkserver.died': {
    readonly measurements: {
      readonly count: 1;
      /** How long it had served. */
      readonly uptimeMs: number;
      /** How many workers it took along. */
      readonly workers: number;
    };
    readonly metadata: ForkServerMetadata & { readonly reason: string };
  };
  /** A fork server does not answer; another is started, and then the workers of this one are replaced. */
  'snakepit.forkserver.hung': {
    readonly measurements: {
      readonly count: 1;
      /** How many workers it has started that live. */
      readonly workers: number;
    };
    readonly metadata: ForkServerMetadata & { readonly reason: string };
  };
  /** A fork server took the place of another. */
  'snakepit.forkserver.replaced': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: ForkServerMetadata & { readonly reason: ForkServerReplacement };
  };
  /** A fork server could not be started. */
  'snakepit.forkserver.unavailable': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: {
      readonly pool: string;
      /** What it says itself, such as `PRELOAD_FAILED`; `undefined` when it said nothing. */
      readonly code: string | undefined;
      readonly reason: string;
      /** Whether trying again cannot help. */
      readonly permanent: boolean;
      /** Whether another one forks all the same. */
      readonly served: boolean;
    };
  };
}
