import type { IncidentContent } from '../../src/incident/incident-file.ts';

/** Larger ones are not unpacked: a file may be made by anybody. */
const MOST_BYTES = 512 * 1024 * 1024;

/**
 * Reads a file that was saved from the page of incidents.
 *
 * @param text - HTML or JSON.
 * @throws Error that says what is wrong with it.
 */
export async function readIncidentText(text: string): Promise<IncidentContent> {
  if (text.trimStart().startsWith('{')) return contentOf(text);
  const packed = /<script type="text\/plain" id="incident">([^<]*)<\/script>/.exec(text)?.[1];
  if (packed === undefined) throw new Error('the file holds no incident');
  return unpackIncident(packed);
}

/** Reads what stands packed in the page of an incident. */
export async function unpackIncident(packed: string): Promise<IncidentContent> {
  const bytes = Uint8Array.from(atob(packed.trim()), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return contentOf(await textOf(stream));
}

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (let length = 0; ;) {
    const { value, done } = await reader.read();
    if (done) return text + decoder.decode();
    length += value.length;
    if (length > MOST_BYTES) throw new Error('the file is too large');
    text += decoder.decode(value, { stream: true });
  }
}

function contentOf(json: string): IncidentContent {
  const value = JSON.parse(json) as Partial<IncidentContent> & {
    readonly format?: unknown;
    readonly v?: unknown;
  };
  if (value.format !== 'snakepit-incident' || value.v !== 1 || !Array.isArray(value.lines)) {
    throw new Error('the file is no incident of this version');
  }
  return value as IncidentContent;
}
