import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { OfferedAction } from '../../src/protocol.ts';
import { usePage } from '../parts/page.ts';
import type { ProcessRow } from '../live/store.ts';
import type { Details } from './process.tsx';

interface ActionsProps {
  readonly row: ProcessRow;
  readonly details: Details;
}

/** A person is asked whether that is meant; each question is another one. */
interface Question {
  readonly action: OfferedAction;
  readonly pid: number;
  readonly inc: number;
  readonly number: number;
}

/** What may be done to a process; nothing, unless the observer was started so. */
export function Actions({ row, details }: ActionsProps): JSX.Element | null {
  const { store } = usePage();
  const [asked, setAsked] = useState<Question | null>(null);
  const [outcome, setOutcome] = useState('');
  const { actions } = details.answer;
  if (store.hello?.can.act !== true || actions.length === 0) return null;
  const ask = (action: OfferedAction): void => {
    setAsked({ action, pid: row.pid, inc: row.inc, number: (asked?.number ?? 0) + 1 });
  };
  return (
    <div class="actions" role="group" aria-label="Act on this process">
      {actions.map((action) => (
        <button
          key={action.name}
          type="button"
          title={action.consequence}
          onClick={() => ask(action)}
        >
          {action.name}
        </button>
      ))}
      <span role="status">{outcome}</span>
      {asked !== null && (
        <Confirmation
          key={asked.number}
          question={asked}
          path={row.path}
          onEnd={(text) => {
            // A dialog tells late that it was closed: by then there may be another question.
            setAsked((now) => (now === asked ? null : now));
            setOutcome(text);
          }}
        />
      )}
    </div>
  );
}

interface ConfirmationProps {
  readonly question: Question;
  readonly path: string;
  readonly onEnd: (outcome: string) => void;
}

/** Nothing is done by one key or one click; the worst only to whoever types the path of the process. */
function Confirmation({ question, path, onEnd }: ConfirmationProps): JSX.Element {
  const { action, pid, inc } = question;
  const { api } = usePage();
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState('');
  const [isSent, setSent] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const act = async (): Promise<void> => {
    setSent(true);
    try {
      const request = { do: action.name, pid, inc, ...(action.confirm && { confirm: typed }) };
      const answer = await api.act(request);
      onEnd(`${answer.ok ? '✓' : '✖'} ${answer.outcome}`);
    } catch (error) {
      onEnd(`✖ ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  return (
    <dialog ref={dialog} aria-labelledby="confirm-title" onClose={() => onEnd('')}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          void act();
        }}
      >
        <h3 id="confirm-title">
          {action.name}: {path}, incarnation {inc}
        </h3>
        <p>{action.consequence}</p>
        {action.confirm && (
          <label>
            To confirm, type <code>{path}</code>
            <input value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
          </label>
        )}
        <p class="buttons">
          <button type="submit" disabled={isSent || (action.confirm && typed !== path)}>
            {action.name}
          </button>{' '}
          <button type="button" onClick={() => dialog.current?.close()}>
            Leave it
          </button>
        </p>
      </form>
    </dialog>
  );
}
