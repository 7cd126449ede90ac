import type { JSX } from 'preact';
import { attentionOf, healthLine } from '../parts/attention.ts';
import { useLive } from '../parts/page.ts';
import { processAddress } from '../parts/route.ts';
import { StandingMark } from '../parts/standing-mark.tsx';
import { countStandings } from '../tree/tree-model.ts';
import { DotMap } from './dot-map.tsx';
import { Rates } from './rates.tsx';

/** What is seen first: is it well, and if not, who needs attention. */
export function Overview(): JSX.Element {
  const { store } = useLive();
  const { hello } = store;
  return (
    <div class="overview">
      <p class="health">{healthLine(store)}</p>
      <AttentionList />
      <section aria-labelledby="map-title">
        <h2 id="map-title">All processes</h2>
        {store.living.size === 0 ? (
          <p>There is no process yet.</p>
        ) : (
          <>
            <p>
              {countStandings(store.living.values())}. <a href="#/tree">The same as a tree</a>
            </p>
            <DotMap />
          </>
        )}
      </section>
      <Rates />
      {hello !== null && (
        <p class="about">
          Process {hello.pid} · Node {hello.node} · XState {hello.xstate} · looked at {hello.hz}{' '}
          times a second: what changes twice in between is seen once.
        </p>
      )}
    </div>
  );
}

function AttentionList(): JSX.Element {
  const { store, connection } = useLive(500);
  const attention = attentionOf(store, connection.clock());
  return (
    <section aria-labelledby="attention-title" class="attention">
      <h2 id="attention-title">Needs attention</h2>
      {attention.length === 0 && <p>✓ Nobody needs attention.</p>}
      <ol>
        {attention.map(({ path, standing, why }) => (
          <li key={path}>
            <StandingMark standing={standing} /> <a href={processAddress(path)}>{path}</a> {why}
          </li>
        ))}
      </ol>
    </section>
  );
}
