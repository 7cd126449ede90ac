const KEY = 'snakepit-token';

/**
 * Takes the token out of the address, where it could be copied or photographed, into the memory of this tab.
 *
 * @returns The token; null when there is none.
 */
export function takeToken(): string | null {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const token = parameters.get('token');
  if (token === null) return sessionStorage.getItem(KEY);
  sessionStorage.setItem(KEY, token);
  history.replaceState(null, '', location.pathname);
  return token;
}

/** Starts again when somebody puts another address with a token into the same tab. */
export function watchForToken(): void {
  addEventListener('hashchange', () => {
    if (new URLSearchParams(location.hash.slice(1)).has('token')) location.reload();
  });
}

/** A name for the stream of this page. */
export function viewerName(): string {
  const numbers = crypto.getRandomValues(new Uint32Array(4));
  return Array.from(numbers, (number) => number.toString(36)).join('');
}
