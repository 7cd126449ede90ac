/** Largest message in either direction, as in the original: 100 MB. */
export const maxMessageBytes = 100 * 1024 * 1024;

/** Name of the header that carries a worker's or the bridge server's token. */
export const tokenHeader = 'x-snakepit-token';

/** Name of the header that carries the correlation id; the request's own metadata wins over it. */
export const correlationHeader = 'x-snakepit-correlation-id';
