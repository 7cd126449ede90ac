import type { IncidentsAnswer } from '../protocol.ts';
import { Refusal } from '../server/refusal.ts';
import { bodyOf, textOf } from '../server/request-values.ts';
import type { Route } from '../server/route.ts';
import { sendJson } from '../server/send-json.ts';
import { toJson } from './incident-file.ts';
import { incidentPage } from './incident-page.ts';
import { incidentShell } from './incident-shell.ts';
import type { IncidentShelf } from './incident-shelf.ts';

/** The incidents: list, files, and keeping one now. */
export function incidentRoutes(shelf: IncidentShelf): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/incidents',
      open: false,
      handle: (_request, response) => {
        sendJson(response, { incidents: shelf.list() } satisfies IncidentsAnswer);
      },
    },
    {
      method: 'POST',
      path: '/api/incidents',
      open: false,
      handle: async ({ json }, response) => {
        const { title } = await bodyOf(json);
        sendJson(response, shelf.keep(textOf(title, 'title') ?? defaultTitle), 201);
      },
    },
    {
      method: 'GET',
      path: '/api/incidents/:id',
      open: false,
      handle: async ({ parts, query }, response) => {
        const { id = '' } = parts;
        const content = await shelf.content(id);
        if (content === undefined) throw new Refusal(404, 'there is no such incident any more.');
        const isJson = query.get('format') === 'json';
        const body = isJson ? toJson(content) : await incidentPage(content, await incidentShell());
        response.writeHead(200, {
          'content-type': isJson ? 'application/json; charset=utf-8' : 'text/html; charset=utf-8',
          'content-disposition': `attachment; filename="incident-${id}.${isJson ? 'json' : 'html'}"`,
        });
        response.end(body);
      },
    },
  ];
}

/** What an incident is called that somebody kept without saying why. */
export const defaultTitle = 'kept by somebody who looked';
