import type { Route } from './route.ts';

/** The route of a request. */
export interface FoundRoute {
  /** Itself. */
  readonly route: Route;
  /** What its pattern let open. */
  readonly parts: Readonly<Record<string, string>>;
}

/** Finds routes by path and method. */
export interface RouteTable {
  /** The route; `methods` when the path is known, but not with this method; `undefined` when it is not known. */
  readonly find: (
    method: string,
    path: string,
  ) => FoundRoute | { readonly methods: readonly string[] } | undefined;
}

/**
 * Makes the table of some routes.
 *
 * @throws TypeError when two of them answer the same.
 */
export function createRouteTable(routes: readonly Route[]): RouteTable {
  const entries = routes.map((route) => ({ route, wanted: route.path.split('/') }));
  const seen = new Set<string>();
  for (const { method, path } of routes) {
    const key = `${method} ${path.replace(/:[^/]+/g, ':')}`;
    if (seen.has(key)) throw new TypeError(`two routes answer ${method} ${path}`);
    seen.add(key);
  }
  return {
    find: (method, path) => {
      const given = path.split('/');
      const methods: string[] = [];
      for (const { route, wanted } of entries) {
        const parts = match(wanted, given);
        if (parts === undefined) continue;
        if (route.method === method || (route.method === 'GET' && method === 'HEAD')) {
          return { route, parts };
        }
        methods.push(route.method);
      }
      return methods.length === 0 ? undefined : { methods };
    },
  };
}

function match(
  wanted: readonly string[],
  given: readonly string[],
): Readonly<Record<string, string>> | undefined {
  if (wanted.length !== given.length) return undefined;
  const parts: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const found = given[index];
    if (part.startsWith(':') && found !== undefined && found !== '') {
      const decoded = decode(found);
      if (decoded === undefined) return undefined;
      parts[part.slice(1)] = decoded;
    } else if (part !== found) {
      return undefined;
    }
  }
  return parts;
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
