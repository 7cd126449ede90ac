import type { IncomingMessage, ServerResponse } from 'node:http';

/** What a request asks for. */
export interface RouteRequest {
  /** As Node has it; its body is not read yet. */
  readonly incoming: IncomingMessage;
  /** What the pattern of the path let open, by name. */
  readonly parts: Readonly<Record<string, string>>;
  /** What follows the question mark. */
  readonly query: URLSearchParams;
  /** Who asks: its address, for records. */
  readonly remote: string;
  /**
   * Reads the body as JSON; asked twice, it is the same.
   *
   * @throws A refusal that the server answers with: 413 when it is larger than 64 kB, 400 when it is no JSON.
   */
  readonly json: () => Promise<unknown>;
}

/**
 * One thing that the observer's server answers. Before a route is asked, the server has checked host, origin, token and
 * method, and has set the headers that protect the page; a route adds `content-type`, and may replace them.
 */
export interface Route {
  /** The method; HEAD is answered as GET. */
  readonly method: 'GET' | 'POST';
  /** The path, as a whole: `/api/live`. A part may be left open: `/api/incidents/:id`. */
  readonly path: string;
  /** Whether it is answered without a token. Host and origin are checked all the same. */
  readonly open: boolean;
  /**
   * Answers, and ends the response. When it throws or rejects before the head was written, the answer is 500 (or the
   * status of a refusal), else the connection ends; nobody else notices.
   */
  readonly handle: (request: RouteRequest, response: ServerResponse) => void | Promise<void>;
}
