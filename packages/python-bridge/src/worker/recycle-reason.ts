/**
 * Why a worker is recycled, as the original names it: age, number of calls, memory, or because somebody asked; and, of
 * ours, because the fork server that made its process hung or had grown.
 */
export type RecycleReason =
  'ttl_expired' | 'max_requests' | 'memory_threshold' | 'manual' | 'fork_server';
