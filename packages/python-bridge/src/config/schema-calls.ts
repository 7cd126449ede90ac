import { choice, duration, integer } from './fields.ts';

/** Keys about calls: how long, how many at once, how they travel. */
export const callSchema = {
  requestTimeout: duration({
    meaning: 'How long a call may take when it does not say so itself.',
    min: 1,
    fallback: 60_000,
    endless: true,
    variable: 'SNAKEPIT_REQUEST_TIMEOUT',
  }),
  concurrency: integer({
    meaning:
      'How many calls one worker executes at the same time; the adapter must be made for more than one.',
    min: 1,
    max: 1000,
    fallback: 1,
    variable: 'SNAKEPIT_CONCURRENCY',
  }),
  streamTimeout: duration({
    meaning:
      'How long a stream may take, from the first read to its end, when it does not say so itself.',
    min: 1,
    fallback: 900_000,
    endless: true,
    variable: 'SNAKEPIT_STREAM_TIMEOUT',
  }),
  cancelGrace: duration({
    meaning:
      'How long a worker may go on with a call that was cancelled or is late; then it is killed and replaced, and its other calls fail with WORKER_CRASHED.',
    min: 0,
    fallback: Infinity,
    endless: true,
    variable: 'SNAKEPIT_CANCEL_GRACE',
  }),
  queueTimeout: duration({
    meaning: 'How long a call may wait for a free worker.',
    min: 1,
    fallback: 10_000,
    endless: true,
    variable: 'SNAKEPIT_QUEUE_TIMEOUT',
  }),
  maxQueueSize: integer({
    meaning: 'How many calls may wait for a free worker; 0 lets none wait.',
    min: 0,
    max: 1_000_000,
    fallback: 1000,
    variable: 'SNAKEPIT_MAX_QUEUE_SIZE',
  }),
  unserializable: choice({
    meaning:
      'What becomes of an object that a tool returns and that cannot be sent: "error" fails the call, "marker" puts its class in its place.',
    among: ['error', 'marker'],
    fallback: 'error',
    variable: 'SNAKEPIT_UNSERIALIZABLE',
  }),
  callPath: choice({
    meaning:
      'Which way calls go to the workers: "auto" sends many on one stream where the worker can, "unary" one gRPC call each.',
    among: ['auto', 'unary'],
    fallback: 'auto',
    variable: 'SNAKEPIT_CALL_PATH',
  }),
  maxValueBytes: integer({
    meaning:
      'Most bytes that the binary data of one value may have; a unary call has 100 MB in all, whatever is said here.',
    min: 1024,
    max: 2 ** 32 - 1,
    fallback: 2 ** 31 - 1,
    variable: 'SNAKEPIT_MAX_VALUE_BYTES',
  }),
} as const;
