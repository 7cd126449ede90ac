import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { IncidentSummary } from '../../src/protocol.ts';
import { usePage } from '../parts/page.ts';
import { usePolled } from '../parts/polled.ts';
import { Table } from '../parts/table.tsx';
import { timeOfDay } from '../parts/words.ts';
import { readIncidentText } from '../replay/incident-text.ts';
import type { Replay } from '../replay/replay.ts';

const ASKED_EVERY_MS = 2_000;

/** What was kept because something went wrong, or because somebody wanted it. */
export function IncidentsScreen(): JSX.Element {
  const { api, replay } = usePage();
  const { answer, problem } = usePolled(api.incidents, ASKED_EVERY_MS);
  const [said, setSaid] = useState('');
  const attempt = async (what: Promise<string>): Promise<void> => {
    setSaid('◌ working …');
    try {
      setSaid(`✓ ${await what}`);
    } catch (error) {
      setSaid(`✖ ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const incidents = answer?.incidents ?? [];
  return (
    <div class="incidents">
      <h2>Incidents</h2>
      <p>
        What happened in the 30 s before somebody failed is kept by itself: the last 20. Saved as a
        page, an incident is this page with that in it, and needs nobody else.
      </p>
      {replay.live !== null && (
        <KeepNow
          onKeep={(title) =>
            void attempt(api.keepIncident(title).then((kept) => `kept as incident ${kept.id}`))
          }
        />
      )}
      <OpenFile onOpen={(file) => void attempt(openFile(file, replay))} />
      <p role="status">{said}</p>
      {replay.live !== null && problem !== null && <p class="problem">Not known now: {problem}</p>}
      {answer !== null && incidents.length === 0 && <p>None is kept.</p>}
      {incidents.length > 0 && (
        <Table label="Incidents" titles={['When', 'What happened', 'Open', 'Save']}>
          {incidents.map((incident) => (
            <Incident key={incident.id} incident={incident} attempt={attempt} />
          ))}
        </Table>
      )}
    </div>
  );
}

function OpenFile({ onOpen }: { readonly onOpen: (file: File) => void }): JSX.Element {
  return (
    <label class="open-file">
      Open a saved incident{' '}
      <input
        type="file"
        accept=".html,.json"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file !== undefined) onOpen(file);
        }}
      />
    </label>
  );
}

function KeepNow({ onKeep }: { readonly onKeep: (title: string) => void }): JSX.Element {
  const [title, setTitle] = useState('');
  return (
    <form
      class="keep"
      onSubmit={(event) => {
        event.preventDefault();
        onKeep(title.trim());
        setTitle('');
      }}
    >
      <label>
        What happened{' '}
        <input
          value={title}
          maxLength={200}
          onInput={(event) => setTitle(event.currentTarget.value)}
        />
      </label>{' '}
      <button type="submit">Keep the last 30 s now</button>
    </form>
  );
}

interface IncidentProps {
  readonly incident: IncidentSummary;
  readonly attempt: (what: Promise<string>) => Promise<void>;
}

function Incident({ incident, attempt }: IncidentProps): JSX.Element {
  const { api, replay } = usePage();
  const { id, title, wall } = incident;
  const open = async (): Promise<string> => {
    const file = await api.incidentFile(id, 'json');
    replay.open(await readIncidentText(await file.text()));
    return `incident ${id} is shown`;
  };
  return (
    <tr>
      <td>
        {new Date(wall).toLocaleDateString()} {timeOfDay(wall)}
      </td>
      <td class="long">{title}</td>
      <td>
        <button type="button" onClick={() => void attempt(open())}>
          Replay <span class="unseen">incident {id}</span>
        </button>
      </td>
      <td>
        {(['html', 'json'] as const).map((format) => (
          <button
            key={format}
            type="button"
            onClick={() =>
              void attempt(save(api.incidentFile(id, format), `incident-${id}.${format}`))
            }
          >
            {format === 'html' ? 'Page' : 'JSON'} <span class="unseen">of incident {id}</span>
          </button>
        ))}
      </td>
    </tr>
  );
}

async function openFile(file: File, replay: Replay): Promise<string> {
  replay.open(await readIncidentText(await file.text()));
  return `${file.name} is shown`;
}

async function save(content: Promise<Blob>, name: string): Promise<string> {
  const address = URL.createObjectURL(await content);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The browser has to read it first.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  return `${name} is saved`;
}
