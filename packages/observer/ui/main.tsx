import { render } from 'preact';
import { CHART_STYLE } from '../src/chart/chart-style.ts';
import { createApi } from './live/api.ts';
import { connect } from './live/connection.ts';
import { createStore } from './live/store.ts';
import { createWatcher } from './live/watcher.ts';
import { takeToken, viewerName, watchForToken } from './live/token.ts';
import { unpackIncident } from './replay/incident-text.ts';
import { pageLimits, Recording } from './replay/recording.ts';
import { createReplay, type Replay } from './replay/replay.ts';
import { App, Damaged, NoToken } from './shell.tsx';

const style = new CSSStyleSheet();
style.replaceSync(CHART_STYLE);
document.adoptedStyleSheets.push(style);

const incident = document.getElementById('incident');
if (incident === null) start(pageOfServer());
else {
  unpackIncident(incident.textContent).then(
    (file) => start(createReplay({ file })),
    (error: unknown) => {
      render(<Damaged why={String(error)} />, placeOfPage());
    },
  );
}

function start(replay: Replay | null): void {
  render(replay === null ? <NoToken /> : <App replay={replay} />, placeOfPage());
}

/** Where the page goes; in a file it takes the place of the table that is there without it. */
function placeOfPage(): HTMLElement {
  const known = document.getElementById('app');
  if (known !== null) return known;
  const made = document.createElement('div');
  made.id = 'app';
  document.getElementById('page')?.replaceWith(made);
  return made;
}

/** The page of a running system; null without its token. */
function pageOfServer(): Replay | null {
  const token = takeToken();
  watchForToken();
  if (token === null) return null;
  const store = createStore();
  const api = createApi(token);
  const viewer = viewerName();
  const recording = new Recording(pageLimits);
  const live = {
    store,
    api,
    watcher: createWatcher(api, viewer),
    connection: connect(api, store, viewer, (line, length) => recording.add(line, store, length)),
  };
  return createReplay({ live, recording });
}
