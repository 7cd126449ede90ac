import type { JSX } from 'preact';
import { Fragment } from 'preact';
import type { ActorAnswer, Handled, WaitingMessage } from '../../src/protocol.ts';
import { usePage } from '../parts/page.ts';
import { valueText } from '../parts/standing.ts';
import { plural, timeOfDay } from '../parts/words.ts';
import { ValueTree } from '../parts/value-tree.tsx';
import type { TabProps } from './process.tsx';

const OUTCOMES: Readonly<Record<Handled['outcome'], string>> = {
  handled: '✓ handled',
  ignored: '○ ignored',
  postponed: '▽ postponed',
  stopped: '■ stopped',
  crashed: '✖ crashed',
  deadletter: '✖ nobody there',
  failed: '✖ failed',
};

/** What waits for a process, and the messages that it handled since it is looked at; the newest first. */
export function MessagesTab({ row, details }: TabProps): JSX.Element {
  const { store } = usePage();
  const { list, dropped } = store.messagesOf(row.pid);
  const since = list[0]?.t ?? Number.POSITIVE_INFINITY;
  const before = (details?.answer.recent ?? []).filter(({ at }) => at < since);
  const wallOffset = store.hello === null ? 0 : store.hello.wall - store.hello.now;
  return (
    <div class="messages">
      <Waiting title="Waiting" messages={details?.answer.mailbox ?? []} />
      <Waiting title="Postponed" messages={details?.answer.postponed ?? []} />
      <h3>Handled since it is looked at</h3>
      {dropped > 0 && (
        <p class="problem">
          ⚠ {plural(dropped, 'record')} came too fast to be kept: there are gaps.
        </p>
      )}
      {list.length === 0 ? (
        <p>None yet.</p>
      ) : (
        <table>
          <thead>
            <tr>
              {['When', 'Message', 'From', 'Outcome', 'Waited', 'Took', 'What it did'].map(
                (title) => (
                  <th key={title} scope="col">
                    {title}
                  </th>
                ),
              )}
            </tr>
          </thead>
          <tbody>
            {[...list].reverse().map((record) => (
              <Record
                key={`${record.t} ${record.seq}`}
                record={record}
                wall={wallOffset + record.t}
              />
            ))}
          </tbody>
        </table>
      )}
      <Before messages={before} wallOffset={wallOffset} />
    </div>
  );
}

interface BeforeProps {
  readonly messages: ActorAnswer['recent'];
  readonly wallOffset: number;
}

/** What it handled before: only the names are known of those. */
function Before({ messages, wallOffset }: BeforeProps): JSX.Element | null {
  if (messages.length === 0) return null;
  return (
    <>
      <h3>Before</h3>
      <ul class="before">
        {[...messages].reverse().map(({ kind, type, at }, index) => (
          <li key={index}>
            {timeOfDay(wallOffset + at)} {kind} <strong>{type}</strong>
          </li>
        ))}
      </ul>
    </>
  );
}

function Waiting(props: {
  readonly title: string;
  readonly messages: readonly WaitingMessage[];
}): JSX.Element | null {
  if (props.messages.length === 0) return null;
  return (
    <>
      <h3>
        {props.title}: {props.messages.length}
      </h3>
      <ol>
        {props.messages.map(({ event, body }, index) => (
          <li key={index}>
            <ValueTree name={event} value={body} />
          </li>
        ))}
      </ol>
    </>
  );
}

function Record({
  record,
  wall,
}: {
  readonly record: Handled;
  readonly wall: number;
}): JSX.Element {
  const { store } = usePage();
  const whose = (pid: number | null): string =>
    pid === null ? '' : (store.living.get(pid)?.path ?? `pid ${pid}`);
  return (
    <tr class={`outcome-${record.outcome}`}>
      <td>{timeOfDay(wall)}</td>
      <td>
        {record.body === undefined ? (
          `${record.event}${record.seq < 0 ? '()' : ''}`
        ) : (
          <ValueTree name={record.event} value={record.body} />
        )}
      </td>
      <td>{whose(record.from)}</td>
      <td>
        {OUTCOMES[record.outcome]}
        {record.error !== undefined && <>: {record.error}</>}
      </td>
      <td>{milliseconds(record.waitedMs)}</td>
      <td>{milliseconds(record.tookMs)}</td>
      <td>
        {whatItDid(record, whose).map((text, index) => (
          <Fragment key={index}>
            {index > 0 && <br />}
            {text}
          </Fragment>
        ))}
      </td>
    </tr>
  );
}

function whatItDid(record: Handled, whose: (pid: number | null) => string): string[] {
  return [
    ...record.steps.map(
      ({ source, targets, guard }) =>
        `${source} → ${targets.join(', ') || 'stays'}${guard === undefined ? '' : ` [${guard}]`}`,
    ),
    ...(record.actions.length === 0 ? [] : [`did ${record.actions.join(', ')}`]),
    ...record.sent.map(({ to, event }) => `sent ${event}${to === null ? '' : ` to ${whose(to)}`}`),
    ...(record.value === null ? [] : [`then ${valueText(record.value)}`]),
    ...(record.trace === undefined ? [] : [`trace ${record.trace}`]),
  ];
}

function milliseconds(ms: number | null): string {
  if (ms === null) return '';
  return `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`;
}
