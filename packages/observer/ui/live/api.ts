import type {
  ActAnswer,
  ActorAnswer,
  ActRequest,
  ChartAnswer,
  IncidentsAnswer,
  IncidentSummary,
  PanelsAnswer,
  RefusalAnswer,
  WatchAnswer,
  WatchRequest,
} from '../../src/protocol.ts';

/** What the page asks its server. */
export interface Api {
  readonly open: (path: string, signal: AbortSignal) => Promise<Response>;
  readonly actor: (pid: number) => Promise<ActorAnswer>;
  /** Each chart is asked for once. */
  readonly chart: (hash: string) => Promise<ChartAnswer>;
  readonly watch: (request: WatchRequest) => Promise<WatchAnswer>;
  readonly act: (request: ActRequest) => Promise<ActAnswer>;
  /** The tables of the sources. */
  readonly panels: () => Promise<PanelsAnswer>;
  readonly incidents: () => Promise<IncidentsAnswer>;
  /** Keeps the last 30 s. */
  readonly keepIncident: (title: string) => Promise<IncidentSummary>;
  /** An incident as a file. */
  readonly incidentFile: (id: string, format: 'html' | 'json') => Promise<Blob>;
}

export function createApi(token: string): Api {
  const charts = new Map<string, Promise<ChartAnswer>>();
  const headers = { authorization: `Bearer ${token}` };
  const get = async <T>(path: string): Promise<T> => answer<T>(await fetch(path, { headers }));
  const post = async <T>(path: string, body: unknown): Promise<T> =>
    answer<T>(
      await fetch(path, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    );
  return {
    open: (path, signal) => fetch(path, { headers, signal }),
    actor: (pid) => get(`/api/actor?pid=${pid}`),
    chart: (hash) => {
      const found = charts.get(hash) ?? get<ChartAnswer>(`/api/chart?hash=${hash}`);
      charts.set(hash, found);
      found.catch(() => charts.delete(hash));
      return found;
    },
    watch: (request) => post('/api/watch', request),
    act: (request) => post('/api/act', request),
    panels: () => get('/api/panels'),
    incidents: () => get('/api/incidents'),
    keepIncident: (title) => post('/api/incidents', title === '' ? {} : { title }),
    incidentFile: async (id, format) => {
      const response = await fetch(`/api/incidents/${id}?format=${format}`, { headers });
      if (!response.ok) await answer(response);
      return response.blob();
    },
  };
}

async function answer<T>(response: Response): Promise<T> {
  if (response.ok) return (await response.json()) as T;
  const text = await response.text();
  throw new Error(reasonIn(text) ?? `${response.status} ${response.statusText}`);
}

function reasonIn(text: string): string | undefined {
  try {
    return (JSON.parse(text) as Partial<RefusalAnswer>).error;
  } catch {
    return text === '' ? undefined : text;
  }
}
