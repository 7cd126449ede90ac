import { DynamicSupervisor, type ChildSpec } from '@snakepit/supervisor';

/** The registered name of a pool's worker supervisor. */
export function workerSupervisorName(pool: string): string {
  return `snakepit.workerSupervisor.${pool}`;
}

/** The child spec of a pool's worker supervisor: one permanent starter per worker below it. */
export function workerSupervisorSpec(pool: string, size: number): ChildSpec {
  return {
    id: 'workerSupervisor',
    type: 'supervisor',
    start: [
      DynamicSupervisor,
      { name: workerSupervisorName(pool), maxChildren: size, maxRestarts: 3, maxSeconds: 5 },
    ],
  };
}
