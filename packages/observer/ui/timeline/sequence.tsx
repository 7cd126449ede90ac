import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { messagesToMermaid } from '../../src/export/sequence.ts';
import type { Handled } from '../../src/protocol.ts';
import { useLive } from '../parts/page.ts';
import { ValueTree } from '../parts/value-tree.tsx';
import { plural } from '../parts/words.ts';
import { MomentButton } from '../replay/moment-button.tsx';
import { type Arrow, messagesOf, type Sequence, sequenceOf } from './lifelines.ts';
import { subtreeOf } from './time-rows.ts';

const COLUMN = 150;
const ROW = 24;
const HEAD = 40;

/** The messages of a subtree as lifelines and arrows. */
export function SequenceView({ root }: { readonly root: string }): JSX.Element {
  const { store } = useLive(500);
  const [isText, setText] = useState(false);
  const pids = subtreeOf(store, root).map(({ pid }) => pid);
  const records = messagesOf(store, pids);
  const dropped = pids.reduce((sum, pid) => sum + store.messagesOf(pid).dropped, 0);
  const titleOf = (pid: number): string => {
    const row = store.living.get(pid);
    if (row === undefined) return pid === 0 ? 'outside' : `pid ${pid}`;
    return `${row.kind} ${row.path.split('/').slice(-2).join('/')}`;
  };
  const sequence = sequenceOf(records, titleOf);
  if (records.length + dropped === 0) {
    return <p role="status">No message was handled here since this page looks.</p>;
  }
  return (
    <div class="sequence">
      <p>
        {plural(sequence.arrows.length, 'message')} between{' '}
        {plural(sequence.lifelines.length, 'lifeline')}
        {sequence.left > 0 && `; ${sequence.left} earlier ones are left out`}.{' '}
        <button type="button" aria-expanded={isText} onClick={() => setText(!isText)}>
          As Mermaid text
        </button>
      </p>
      {dropped > 0 && (
        <p class="problem">
          ⚠ {plural(dropped, 'record')} came too fast to be kept: there are gaps.
        </p>
      )}
      {isText && (
        <pre tabIndex={0} aria-label="Mermaid text">
          {messagesToMermaid(records, titleOf)}
        </pre>
      )}
      <div class="scroll" tabIndex={0} role="group" aria-label="Sequence diagram; scrolls">
        <Diagram sequence={sequence} />
      </div>
      <MessageItems sequence={sequence} />
    </div>
  );
}

function MessageItems({ sequence }: { readonly sequence: Sequence }): JSX.Element {
  return (
    <>
      <h3>The same as a list</h3>
      <ol class="messages-list">
        {sequence.arrows.map(({ from, to, record }) => (
          <li key={`${record.t} ${record.seq}`}>
            <MomentButton at={record.t} /> {sequence.lifelines[from]?.title} →{' '}
            {sequence.lifelines[to]?.title}:{' '}
            {record.body === undefined ? (
              labelOf(record)
            ) : (
              <ValueTree name={record.event} value={record.body} />
            )}{' '}
            {record.outcome !== 'handled' && <b>{record.outcome}</b>} {record.error}
          </li>
        ))}
      </ol>
    </>
  );
}

function Diagram({ sequence }: { readonly sequence: Sequence }): JSX.Element {
  const { lifelines, arrows } = sequence;
  const [width, height] = [lifelines.length * COLUMN, HEAD + arrows.length * ROW + 10];
  return (
    <svg
      class="lifelines"
      width={width}
      height={height}
      role="img"
      aria-label={`${plural(arrows.length, 'message')} between ${lifelines.map(({ title }) => title).join(', ')}`}
    >
      {lifelines.map(({ title }, index) => (
        <g key={title}>
          <title>{title}</title>
          <line class="life" x1={center(index)} x2={center(index)} y1={HEAD - 8} y2={height} />
          <text class="middle" x={center(index)} y={16}>
            {cut(title, 22)}
          </text>
        </g>
      ))}
      {arrows.map((arrow, index) => (
        <Message
          key={`${arrow.record.t} ${arrow.record.seq}`}
          arrow={arrow}
          y={HEAD + (index + 1) * ROW - 6}
        />
      ))}
    </svg>
  );
}

function Message({ arrow, y }: { readonly arrow: Arrow; readonly y: number }): JSX.Element {
  const { from, to, record } = arrow;
  const [start, end] = [center(from), center(to)];
  const side = end >= start ? -1 : 1;
  const isFailure = ['crashed', 'deadletter', 'failed'].includes(record.outcome);
  const path =
    from === to
      ? `M${start} ${y - 8}h24v8h-24`
      : `M${start} ${y}H${end}M${end + side * 6} ${y - 4}L${end} ${y}l${side * 6} 4`;
  return (
    <g class={isFailure ? 'message failure' : 'message'}>
      <path class={record.event.startsWith('xstate.') ? 'own' : ''} d={path} />
      <text
        class={from === to ? '' : 'middle'}
        x={from === to ? start + 30 : (start + end) / 2}
        y={y - (from === to ? 1 : 4)}
      >
        {isFailure && '✕ '}
        {cut(labelOf(record), 24)}
      </text>
    </g>
  );
}

/** What is written on an arrow: of a call of Python also how long it took. */
function labelOf({ seq, event, tookMs }: Handled): string {
  return seq < 0 ? `${event}() ${tookMs < 10 ? tookMs.toFixed(1) : tookMs.toFixed(0)} ms` : event;
}

function center(index: number): number {
  return index * COLUMN + COLUMN / 2;
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
