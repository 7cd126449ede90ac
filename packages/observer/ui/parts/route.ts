import { useEffect, useState } from 'preact/hooks';

/** The screens that have an address. */
export const screens = [
  'overview',
  'tree',
  'pools',
  'machines',
  'time',
  'incidents',
  'process',
] as const;
export type Screen = (typeof screens)[number];

/** Where the page is: the part after `#/`, taken apart. */
export interface Place {
  readonly screen: Screen | 'unknown';
  /** Path of the process, for that screen. */
  readonly path: string;
  readonly query: URLSearchParams;
}

export function placeOf(hash: string): Place {
  const [address = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [screen = '', ...parts] = address.split('/');
  const place = { path: parts.map(decode).join('/'), query: new URLSearchParams(query) };
  if (screen === '') return { ...place, screen: 'overview' };
  return { ...place, screen: screens.find((one) => one === screen) ?? 'unknown' };
}

/** The address of a process; what it shows first may be named. */
export function processAddress(path: string, tab?: string): string {
  const parts = path.split('/').map(encodeURIComponent).join('/');
  return `#/process/${parts}${tab === undefined ? '' : `?tab=${tab}`}`;
}

export function treeAddress(query: Readonly<Record<string, string>>): string {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ''));
  return text.size === 0 ? '#/tree' : `#/tree?${text.toString()}`;
}

/** The address of what happened in a part of the tree. */
export function timeAddress(root: string, isSequence: boolean): string {
  const query = new URLSearchParams({
    ...(root !== '' && { of: root }),
    ...(isSequence && { view: 'sequence' }),
  });
  return query.size === 0 ? '#/time' : `#/time?${query.toString()}`;
}

/** Goes somewhere; `replacing` leaves no step to go back to. */
export function go(address: string, replacing = false): void {
  if (!replacing) location.hash = address;
  else {
    history.replaceState(null, '', address);
    dispatchEvent(new HashChangeEvent('hashchange'));
  }
}

export function usePlace(): Place {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const onChange = (): void => setHash(location.hash);
    addEventListener('hashchange', onChange);
    // For what came in between painting and listening.
    onChange();
    return () => removeEventListener('hashchange', onChange);
  }, []);
  return placeOf(hash);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
