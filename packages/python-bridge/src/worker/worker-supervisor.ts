import { DynamicSupervisor, type ChildSpec } from '@snakepit/supervisor';

/** The registered name of a pool's worker supervisor. */
export function workerSupervisorName(pool: string): string {
  return `snakepit.workerSupervisor.${pool}`;
}

/** The child spec of a pool's worker supervisor: one permanent starter per worker below it, as many as the pool asks for. */
export function workerSupervisorSpec(pool: string): ChildSpec {
  return {
    id: 'workerSupervisor',
    type: 'supervisor',
    start: [DynamicSupervisor, { name: workerSupervisorName(pool), maxRestarts: 3, maxSeconds: 5 }],
  };
}
