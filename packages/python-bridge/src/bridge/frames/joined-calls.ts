import type { ToolCall } from '../call-path.ts';
import { joinJson, timeoutField } from './frame-encoder.ts';

/** Feature of the hello of a worker that takes many small calls in one frame, and answers many so. */
export const joinedFeature = 'joined';

/** Arguments of a small call have no more than this, in characters of JSON. */
const mostCharacters = 32 * 1024;

/** Small calls that go as one frame: a JSON array, flat. */
export class JoinedCalls {
  #text = '';
  /** What stands between number and arguments of most calls, and for which tool and time: those of the last one. */
  #middle = '';
  #tool: string | undefined;
  #timeout = 0;

  /** How long the text is, in characters; 0 without calls. */
  get length(): number {
    return this.#text.length;
  }

  /**
   * Adds a call, if it is small.
   *
   * @returns Whether it is.
   */
  add(id: number, call: ToolCall, timeoutMs: number): boolean {
    const args = smallArguments(call);
    if (args === undefined) return false;
    const timeout = timeoutField(timeoutMs);
    const { tool, session, metadata } = call;
    const isUsual = session === undefined && metadata === undefined;
    const middle = isUsual ? this.#usualMiddle(tool, timeout) : middleOf(call, timeout);
    this.#text += (this.#text === '' ? '[' : ',') + String(id) + middle + args;
    return true;
  }

  #usualMiddle(tool: string, timeout: number): string {
    if (tool !== this.#tool || timeout !== this.#timeout) {
      this.#middle = middleOf({ tool }, timeout);
      this.#tool = tool;
      this.#timeout = timeout;
    }
    return this.#middle;
  }

  /** Gives all of them away as one text, and begins anew. */
  take(): string {
    const text = `${this.#text}]`;
    this.#text = '';
    return text;
  }
}

/** Tool, session, time and metadata. */
function middleOf(
  { tool, session = '', metadata }: Pick<ToolCall, 'tool' | 'session' | 'metadata'>,
  timeout: number,
): string {
  const [toolText, sessionText] = [JSON.stringify(tool), JSON.stringify(session)];
  return `,${toolText},${sessionText},${String(timeout)},${JSON.stringify(metadata ?? null)},`;
}

/** The arguments of a call as JSON text, if it is small. */
function smallArguments({ arguments: args, stream }: ToolCall): string | undefined {
  const { json, attachments, binary } = args;
  if (stream !== undefined || attachments.length > 0) return undefined;
  for (const _ in binary) return undefined;
  let characters = 0;
  for (const name in json) characters += json[name]?.length ?? 0;
  return characters > mostCharacters ? undefined : joinJson(json);
}
