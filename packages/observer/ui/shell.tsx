import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useReducer, useRef, useState } from 'preact/hooks';
import type { ByeLine } from '../src/protocol.ts';
import { attentionOf } from './parts/attention.ts';
import { PageProvider, useLive } from './parts/page.ts';
import { type Place, usePlace } from './parts/route.ts';
import { plural, timeOfDay } from './parts/words.ts';
import { ReplayBar } from './replay/replay-bar.tsx';
import type { Replay } from './replay/replay.ts';
import { IncidentsScreen } from './screens/incidents.tsx';
import { MachinesScreen } from './screens/machines.tsx';
import { Overview } from './screens/overview.tsx';
import { PoolsScreen } from './screens/pools.tsx';
import { ProcessScreen } from './screens/process.tsx';
import { TimeScreen } from './screens/time.tsx';
import { TreeScreen } from './screens/tree.tsx';

const MENU = [
  { screen: 'overview', address: '#/overview', title: 'Overview' },
  { screen: 'tree', address: '#/tree', title: 'Tree' },
  { screen: 'pools', address: '#/pools', title: 'Pools' },
  { screen: 'machines', address: '#/machines', title: 'Machines' },
  { screen: 'time', address: '#/time', title: 'Time' },
  { screen: 'incidents', address: '#/incidents', title: 'Incidents' },
] as const;
const ANNOUNCED_EVERY_MS = 5_000;

/** The page of what is shown: the running system, or a moment. */
export function App({ replay }: { readonly replay: Replay }): JSX.Element {
  const [, repaint] = useReducer<number, undefined>((count) => count + 1, 0);
  useEffect(() => replay.subscribe(() => repaint(undefined)), [replay]);
  return (
    <PageProvider value={replay.page()}>
      <Shell />
    </PageProvider>
  );
}

function Shell(): JSX.Element {
  const place = usePlace();
  const { store, connection } = useLive();
  const { state } = connection.link();
  const isPast = state === 'past';
  useEffect(() => {
    document.title = `${store.hello?.system ?? 'Snakepit'} · ${place.path || place.screen}`;
  });
  return (
    <>
      <a class="skip" href="#main" onClick={skipToMain}>
        Skip to the content
      </a>
      <header class="top">
        <h1>{store.hello?.system ?? 'Snakepit'}</h1>
        <nav aria-label="Screens">
          {MENU.map(({ screen, address, title }) => (
            <a
              key={screen}
              href={address}
              aria-current={place.screen === screen ? 'page' : undefined}
            >
              {title}
            </a>
          ))}
        </nav>
        <LinkState />
      </header>
      <main id="main" tabIndex={-1} class={isPast || state === 'live' ? 'live' : 'as-of'}>
        {store.structure === 0 ? (
          <Waiting />
        ) : (
          // What was asked of the running system is no picture of the past.
          <Screen key={isPast ? 'past' : 'now'} place={place} />
        )}
      </main>
      <ReplayBar />
      {!isPast && <Announcer />}
    </>
  );
}

function Screen({ place }: { readonly place: Place }): JSX.Element {
  if (place.screen === 'overview') return <Overview />;
  if (place.screen === 'tree') return <TreeScreen query={place.query} />;
  if (place.screen === 'pools') return <PoolsScreen />;
  if (place.screen === 'machines') return <MachinesScreen query={place.query} />;
  if (place.screen === 'time') return <TimeScreen query={place.query} />;
  if (place.screen === 'incidents') return <IncidentsScreen />;
  if (place.screen === 'process') {
    return <ProcessScreen key={place.path} path={place.path} tab={place.query.get('tab')} />;
  }
  return (
    <Notice title="Nothing is here">
      <a href="#/overview">To the overview</a>
    </Notice>
  );
}

function Waiting(): JSX.Element {
  const { connection } = useLive();
  const link = connection.link();
  if (link.state === 'refused') {
    return (
      <Notice title="The server refused this page">
        <p>
          It says: {link.why}. Open the whole address that was printed when the system was started:
          the part after # is the key, and it is new for each run.
        </p>
      </Notice>
    );
  }
  if (link.state === 'lost') {
    return (
      <Notice title="No answer yet">The server cannot be reached; this page keeps trying.</Notice>
    );
  }
  return <Notice title="Connecting …">Waiting for the first picture of the system.</Notice>;
}

/** In words, whether what is shown is what is. */
function LinkState(): JSX.Element {
  const { store, connection } = useLive();
  const link = connection.link();
  const asOf = store.hello === null ? '' : timeOfDay(store.hello.wall - store.hello.now + store.t);
  const text = {
    connecting: '◌ connecting',
    live: '● live',
    lost: `✖ connection lost, as of ${asOf.slice(0, 8)}; trying again`,
    refused: '✖ refused',
    ended: `■ ${endText(store.bye)}, as of ${asOf.slice(0, 8)}`,
    past: '◂ replaying',
  }[link.state];
  return (
    <p class={`link link-${link.state}`} role="status">
      {text}
      {store.gaps > 0 && ` · ${plural(store.gaps, 'gap')}: this page was too slow`}
    </p>
  );
}

function endText(why: ByeLine['why'] | null): string {
  if (why === 'stopped') return 'the system stopped';
  return why === 'replaced' ? 'shown in another tab now' : 'the observer was closed';
}

/** Says aloud when the list of those who need attention changes; at most every 5 s. */
function Announcer(): JSX.Element {
  const { store, connection } = useLive(1_000);
  const [text, setText] = useState('');
  const said = useRef({ at: Number.NEGATIVE_INFINITY, what: '' });
  const attention = store.hello === null ? [] : attentionOf(store, connection.clock());
  const what = attention.map(({ path, rank }) => `${rank} ${path}`).join('\n');
  useEffect(() => {
    if (what === said.current.what) return;
    if (performance.now() - said.current.at < ANNOUNCED_EVERY_MS) return;
    said.current = { at: performance.now(), what };
    const [worst] = attention;
    setText(
      worst === undefined
        ? 'Nobody needs attention.'
        : `${attention.length} ${attention.length === 1 ? 'needs' : 'need'} attention; first: ${worst.path} ${worst.why}.`,
    );
  });
  return (
    <p class="unseen" aria-live="polite">
      {text}
    </p>
  );
}

export function Damaged({ why }: { readonly why: string }): JSX.Element {
  return (
    <main>
      <Notice title="The incident cannot be read">
        <p>{why}</p>
      </Notice>
    </main>
  );
}

export function NoToken(): JSX.Element {
  return (
    <main>
      <Notice title="The key is missing">
        <p>
          Open the whole address that was printed when the system was started, with everything after
          the #. This page keeps the key in the memory of one tab only.
        </p>
      </Notice>
    </main>
  );
}

function Notice(props: {
  readonly title: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <section class="notice">
      <h2>{props.title}</h2>
      {props.children}
    </section>
  );
}

function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}
