import type { JSX } from 'preact';
import { useCallback, useMemo } from 'preact/hooks';
import type { Handled, LifeRecord } from '../../src/protocol.ts';
import type { ProcessRow, Store } from '../live/store.ts';
import { linesOf, listOf, membersOf, numberOf, textOf } from '../parts/json.ts';
import { usePage } from '../parts/page.ts';
import { usePolled } from '../parts/polled.ts';
import { windowSentence } from '../parts/restart-window.ts';
import { processAddress } from '../parts/route.ts';
import { duration } from '../parts/words.ts';
import { beginOf } from '../replay/failures.ts';
import { MomentButton } from '../replay/moment-button.tsx';
import { offsetOf } from '../replay/replay-bar.tsx';
import { CallList } from './call-list.tsx';

const ASKED_EVERY_MS = 2_000;
/** A call fails a moment after its worker did. */
const CALL_ENDS_WITHIN_MS = 5_000;

/** Why the last process of a path ended, and what was done about it: all that is known of it in one card. */
export function RestartCard({ row }: { readonly row: ProcessRow }): JSX.Element | null {
  const { store, replay } = usePage();
  const own = store.life.filter(({ path }) => path === row.path);
  const exit = own.findLast(({ what }) => what === 'exited');
  const before = useMemo(
    () => (exit === undefined ? undefined : replay.at(exit.at - 1)?.find(row.path)),
    [exit?.at, row.path, replay],
  );
  if (exit === undefined) return null;
  const restart = own.findLast(({ what, at }) => what === 'restarted' && at >= exit.at);
  const process = own.findLast(
    ({ what, inc }) => /^osProcess(Gone|Left)$/.test(what) && inc === exit.inc,
  );
  return (
    <section class="card" aria-labelledby="why-title">
      <h3 id="why-title">
        {restart === undefined ? 'Why did it end' : 'Why did it restart'}: incarnation {exit.inc}
      </h3>
      <dl>
        <dt>Exit reason</dt>
        <dd class="long">{exit.reason ?? 'not known'}</dd>
        <dt>When</dt>
        <dd>
          <MomentButton
            at={Math.min(exit.at, process === undefined ? exit.at : beginOf(process))}
          />
        </dd>
        <OsEnd record={process} />
        <dt>Message in hand</dt>
        <dd>{messageInHand(store, exit, before)}</dd>
        <dt>Started again</dt>
        <dd>
          {restart === undefined
            ? 'not, or not yet'
            : `as incarnation ${restart.inc}, ${duration(restart.afterMs ?? restart.at - exit.at)} later`}
        </dd>
        <dt>Place in the restart window</dt>
        <dd>
          {restart === undefined ? 'it did not count' : <Place store={store} restart={restart} />}
        </dd>
      </dl>
      <LastOutput record={process} />
      <CallsInHand record={process} exitWall={exit.at + offsetOf(store)} />
    </section>
  );
}

function OsEnd({ record }: { readonly record: LifeRecord | undefined }): JSX.Element | null {
  if (record === undefined) return null;
  const { osPid, exitCode, signal, cause, uptimeMs } = membersOf(record.details);
  const how =
    textOf(signal) ?? (numberOf(exitCode) === null ? 'unknown' : `code ${String(exitCode)}`);
  return (
    <>
      <dt>Process of the operating system</dt>
      <dd>
        {String(osPid)} ended by {how}
        {textOf(cause) !== null && ` (${textOf(cause) ?? ''})`} after{' '}
        {duration(numberOf(uptimeMs) ?? 0)};{' '}
        {record.what === 'osProcessGone' ? 'it and all that it started are gone' : '✖ it was left'}
      </dd>
    </>
  );
}

/** What it handled, or had handled last. */
function messageInHand(store: Store, exit: LifeRecord, before: ProcessRow | undefined): string {
  const records = exit.pid === null ? [] : store.messagesOf(exit.pid).list;
  const last = records.findLast(({ outcome }) => outcome === 'crashed') ?? records.at(-1);
  if (last !== undefined) return describe(last);
  if (before?.last != null) return `${before.last}, the last one that was seen to be handled`;
  return 'not recorded: messages are recorded of processes that somebody looks at';
}

function describe({ event, outcome, error, tookMs }: Handled): string {
  return `${event}, ${outcome} in ${tookMs.toFixed(2)} ms${error === undefined ? '' : `: ${error}`}`;
}

interface PlaceProps {
  readonly store: Store;
  readonly restart: LifeRecord;
}

/** Which of the restarts it was that its supervisor may do. */
function Place({ store, restart }: PlaceProps): JSX.Element {
  const { api } = usePage();
  const supervisor = restart.sup === undefined ? undefined : store.find(restart.sup);
  const pid = supervisor?.pid ?? null;
  const ask = useCallback(
    () => (pid === null ? Promise.resolve(null) : api.actor(pid)),
    [api, pid],
  );
  const { answer } = usePolled(ask, ASKED_EVERY_MS);
  const known = answer?.supervisor ?? null;
  const seconds = known?.maxSeconds ?? null;
  const counted = store.life.filter(
    ({ what, sup, at }) =>
      what === 'restarted' &&
      sup === restart.sup &&
      at <= restart.at &&
      (seconds === null || at > restart.at - (seconds + 1) * 1_000),
  ).length;
  const allowed = known?.maxRestarts ?? supervisor?.window?.split('/')[1] ?? 'those';
  return (
    <>
      restart {counted} of {allowed} {seconds !== null && <>within {seconds} s </>}
      {supervisor !== undefined && (
        <>
          by <a href={processAddress(supervisor.path, 'supervisor')}>{supervisor.path}</a>
        </>
      )}
      {known !== null && answer !== null && <>. Now {windowSentence(known, answer.t)}</>}
    </>
  );
}

function LastOutput({ record }: { readonly record: LifeRecord | undefined }): JSX.Element | null {
  if (record === undefined) return null;
  const lines = linesOf(record.details?.['lastOutput']);
  return (
    <>
      <h4>Last lines that it printed</h4>
      {lines.length === 0 ? (
        <p>It had printed nothing.</p>
      ) : (
        <pre tabIndex={0}>{lines.join('\n')}</pre>
      )}
    </>
  );
}

interface CallsProps {
  readonly record: LifeRecord | undefined;
  readonly exitWall: number;
}

/** Calls that failed with their worker. */
function CallsInHand({ record, exitWall }: CallsProps): JSX.Element | null {
  const { api } = usePage();
  const { answer } = usePolled(api.panels, ASKED_EVERY_MS);
  const worker = textOf(record?.details?.['workerId']);
  if (worker === null) return null;
  const { failing } = membersOf(membersOf(answer?.panels['python'])['calls']);
  const calls = listOf(failing).filter((call) => {
    const { worker: of, at } = membersOf(call);
    return of === worker && Math.abs((numberOf(at) ?? 0) - exitWall) < CALL_ENDS_WITHIN_MS;
  });
  return calls.length === 0 ? null : (
    <CallList title="Calls that failed with it" none="" calls={calls} />
  );
}
