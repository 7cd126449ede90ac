import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ActorSystem } from '@snakepit/core';
import { sendJson } from '../server/send-json.ts';
import { processesHealth, workersHealth } from './health-answers.ts';
import { createHealthReporter, type HealthReport, type HealthReporter } from './health-report.ts';
import { answerProbe, probeNames, type ProbeName } from './probes.ts';

/** How health is told. */
export interface HealthOptions {
  /**
   * Whether reasons, and the pages `/health/processes` and `/health/workers`, are told to whoever asks; default false: only
   * who shows the token of an observer is, and a handler in a server of your own tells them to nobody.
   */
  readonly details?: boolean;
  /** Milliseconds for which an answer is good; default 250. All who ask within that time get the same. */
  readonly maxAgeMs?: number;
}

/** A system; or what gives it once it is there: before that, the probes say that it is starting. */
export type HealthSubject = ActorSystem | (() => ActorSystem | undefined);

/** Answers one path. @internal */
export type HealthAnswerer = (query: URLSearchParams, response: ServerResponse) => void;

/** What answers the paths of health. @internal */
export interface HealthAnswerers {
  /** By path; without secrets. */
  readonly open: ReadonlyMap<string, HealthAnswerer>;
  /** By path; with all details. */
  readonly detailed: ReadonlyMap<string, HealthAnswerer>;
}

/** Makes what answers. @internal */
export function createHealthAnswerers(
  subject: HealthSubject,
  { details = false, maxAgeMs }: HealthOptions = {},
): HealthAnswerers {
  const health = createSubjectHealth(subject, maxAgeMs);
  const open = probeNames.map((probe): [string, HealthAnswerer] => [
    `/${probe}`,
    (query, response) => {
      sendProbe(probe, health.report(), details, query, response);
    },
  ]);
  const detailed: [string, HealthAnswerer][] = [
    [
      '/health/processes',
      (_query, response) => {
        const system = health.system();
        const report = health.report();
        if (system === undefined || report === undefined) sendStarting(response);
        else send(response, processesHealth(system, report));
      },
    ],
    [
      '/health/workers',
      (_query, response) => {
        const report = health.report();
        if (report === undefined) sendStarting(response);
        else send(response, workersHealth(report));
      },
    ],
  ];
  return { open: new Map(open), detailed: new Map(detailed) };
}

interface SubjectHealth {
  readonly system: () => ActorSystem | undefined;
  readonly report: () => HealthReport | undefined;
}

function createSubjectHealth(subject: HealthSubject, maxAgeMs: number | undefined): SubjectHealth {
  const system = typeof subject === 'function' ? subject : () => subject;
  let known: { readonly system: ActorSystem; readonly reporter: HealthReporter } | undefined;
  const reporter = (): HealthReporter | undefined => {
    const current = system();
    if (current === undefined) return undefined;
    if (known?.system !== current) {
      known = { system: current, reporter: createHealthReporter(current, { maxAgeMs }) };
    }
    return known.reporter;
  };
  // What is there now and gone when somebody asks for the first time was stopped.
  reporter();
  return { system, report: () => reporter()?.report() };
}

function sendProbe(
  probe: ProbeName,
  report: HealthReport | undefined,
  withReasons: boolean,
  query: URLSearchParams,
  response: ServerResponse,
): void {
  const isVerbose = query.has('verbose');
  const excluded = new Set(query.getAll('exclude'));
  const { isOk, text } = answerProbe(probe, report, { isVerbose, withReasons, excluded });
  response.writeHead(isOk ? 200 : 503, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(text);
}

function send(response: ServerResponse, answer: { readonly status: string }): void {
  response.setHeader('cache-control', 'no-store');
  sendJson(response, answer, answer.status === 'down' ? 503 : 200);
}

function sendStarting(response: ServerResponse): void {
  send(response, { status: 'down', message: 'it is starting' } as { readonly status: string });
}

/**
 * Health for a server of your own: a handler for `node:http`, and middleware for Express and its like.
 *
 * It answers GET and HEAD of `/livez`, `/readyz` and `/startupz`; with `details` also `/health/processes` and
 * `/health/workers`. Anything else goes to `next`, and is 404 without one.
 *
 * @param subject - The system, such as `snakepit.system`; or a function that gives it once it is there.
 */
export function healthHandler(
  subject: HealthSubject,
  options: HealthOptions = {},
): (request: IncomingMessage, response: ServerResponse, next?: () => void) => void {
  const { open, detailed } = createHealthAnswerers(subject, options);
  return (request, response, next) => {
    const { method = 'GET', url = '/' } = request;
    // What is no address is none of ours.
    const base = 'http://health.invalid';
    const { pathname, searchParams } = new URL(URL.canParse(url, base) ? url : '/', base);
    const answer =
      open.get(pathname) ?? (options.details === true ? detailed.get(pathname) : undefined);
    if (answer !== undefined && (method === 'GET' || method === 'HEAD')) {
      answer(searchParams, response);
    } else if (next !== undefined) {
      next();
    } else {
      response.writeHead(answer === undefined ? 404 : 405);
      response.end();
    }
  };
}
