import { CallMessage, CastMessage, isFrom } from '../process/messages.ts';
import { Pid } from '../process/pid.ts';
import type { MessageKind } from './message-record.ts';

/** How a message comes. @internal */
export function kindOfMessage(message: unknown): MessageKind {
  if (message instanceof CallMessage) return 'call';
  return message instanceof CastMessage ? 'cast' : 'info';
}

/** The type of a message; of one without, what it is in JavaScript. @internal */
export function eventOfMessage(message: unknown): string {
  if (message instanceof CallMessage || message instanceof CastMessage) {
    return textOf(message.request.type);
  }
  if (typeof message !== 'object' || message === null) {
    return message === null ? 'null' : typeof message;
  }
  return 'type' in message ? textOf(message.type) : 'object';
}

/** Plain JavaScript callers can give anything; a type that is no text is called by what it is. */
function textOf(type: unknown): string {
  return typeof type === 'string' ? type : typeof type;
}

/** What a viewer is shown of a message: of a call or a cast the request. @internal */
export function bodyOfMessage(message: unknown): unknown {
  return message instanceof CallMessage || message instanceof CastMessage
    ? message.request
    : message;
}

/** Who is known to have sent a message by what it says itself: a call its caller, a signal its sender. @internal */
export function senderIn(message: unknown): number | undefined {
  if (message instanceof CallMessage) return message.from.pid?.id;
  if (message instanceof CastMessage) return undefined;
  if (typeof message !== 'object' || message === null) return undefined;
  if ('type' in message && message.type === 'DOWN' && 'pid' in message) return idOf(message.pid);
  if (!('from' in message)) return undefined;
  const { from } = message;
  return isFrom(from) ? from.pid?.id : idOf(from);
}

function idOf(pid: unknown): number | undefined {
  return pid instanceof Pid ? pid.id : undefined;
}
