import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useLive } from '../parts/page.ts';
import { go, timeAddress } from '../parts/route.ts';
import { SequenceView } from '../timeline/sequence.tsx';
import { subtreeOf } from '../timeline/time-rows.ts';
import { Timeline } from '../timeline/timeline.tsx';

/** Of so many the messages are told. */
const MOST_WATCHED = 200;
const MOST_OFFERED = 300;

/** What happened in a part of the tree, as rows along time, or as messages between lifelines. */
export function TimeScreen({ query }: { readonly query: URLSearchParams }): JSX.Element {
  const { store } = useLive(500);
  const root = query.get('of') ?? '';
  const isSequence = query.get('view') === 'sequence';
  useWatchedSubtree(root);
  const paths = [...store.living.values()].slice(0, MOST_OFFERED);
  return (
    <div class="time">
      <div class="tools">
        <RootField root={root} onChange={(path) => go(timeAddress(path, isSequence), true)} />
        <datalist id="time-paths">
          {paths.map(({ path }) => (
            <option key={path} value={path} />
          ))}
        </datalist>
        {[
          { title: 'Time line', of: false },
          { title: 'Sequence', of: true },
        ].map(({ title, of }) => (
          <button
            key={title}
            type="button"
            aria-pressed={of === isSequence}
            onClick={() => go(timeAddress(root, of), true)}
          >
            {title}
          </button>
        ))}
      </div>
      {isSequence ? <SequenceView root={root} /> : <Timeline key={root} root={root} />}
    </div>
  );
}

interface RootFieldProps {
  readonly root: string;
  readonly onChange: (root: string) => void;
}

/** What is typed stays until it is entered, however often the screen is painted meanwhile. */
function RootField({ root, onChange }: RootFieldProps): JSX.Element {
  const [typed, setTyped] = useState(root);
  useEffect(() => setTyped(root), [root]);
  return (
    <label>
      Part of the tree{' '}
      <input
        type="search"
        list="time-paths"
        value={typed}
        placeholder="all processes"
        onInput={(event) => setTyped(event.currentTarget.value)}
        onChange={(event) => onChange(event.currentTarget.value.trim())}
      />
    </label>
  );
}

/** Has the messages of a subtree told while it is shown. */
function useWatchedSubtree(root: string): void {
  const { store, watcher, connection } = useLive(500);
  const watched = subtreeOf(store, root)
    .slice(0, MOST_WATCHED)
    .map(({ pid }) => pid)
    .join(' ');
  const isLive = connection.link().state === 'live';
  useEffect(() => {
    if (!isLive || watched === '') return;
    watcher.watch(watched.split(' ').map(Number));
  }, [watcher, watched, isLive]);
  useEffect(() => () => watcher.watch([]), [watcher]);
}
