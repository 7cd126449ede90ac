import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { isObject } from '@snakepit/core';
import { observerError } from '../errors.ts';
import type { ChartAnswer, LiveLine } from '../protocol.ts';

const zip = promisify(gzip);
const unzip = promisify(gunzip);

/** What marks a file as an incident. */
const format = 'snakepit-incident';
/** Larger ones are not unpacked: a file may be made by anybody. */
const mostBytes = 512 * 1024 * 1024;

/** An incident as it is saved: what a stream would have told, and the charts that it names. */
export interface IncidentContent {
  /** What happened, as a sentence. */
  readonly title: string;
  /** When, in milliseconds since 1970. */
  readonly wall: number;
  /** Lines of a stream: hello, snap, then deltas, life records and messages, in order. */
  readonly lines: readonly LiveLine[];
  /** The charts and their layouts, by hash; a file has nobody to ask for one. */
  readonly charts: Readonly<Record<string, ChartAnswer>>;
}

/** An incident as text: JSON. */
export function toJson(content: IncidentContent): string {
  return JSON.stringify({ format, v: 1, ...content });
}

/** An incident in little room, as text that may stand in HTML. */
export async function pack(content: IncidentContent): Promise<string> {
  return (await zip(toJson(content))).toString('base64');
}

/**
 * Reads what was saved, as HTML or as JSON.
 *
 * @param text - The file.
 * @param file - Its name, for the message.
 * @throws {@link SnakepitError} INCIDENT_UNREADABLE.
 */
export async function unpack(text: string, file: string): Promise<IncidentContent> {
  const fault = (why: string, cause?: unknown): Error =>
    observerError('INCIDENT_UNREADABLE', { file, fault: why }, { cause });
  try {
    const json = text.trimStart().startsWith('{') ? text : await unzipped(text);
    if (json === undefined) throw fault('it holds none');
    const content: unknown = JSON.parse(json);
    if (isContent(content)) return content;
  } catch (error) {
    if (isObject(error) && 'code' in error && error['code'] === 'INCIDENT_UNREADABLE') throw error;
    throw fault('it is damaged', error);
  }
  throw fault('it is something else');
}

async function unzipped(html: string): Promise<string | undefined> {
  const packed = /<script type="text\/plain" id="incident">([^<]*)<\/script>/.exec(html)?.[1];
  if (packed === undefined) return undefined;
  const bytes = await unzip(Buffer.from(packed, 'base64'), { maxOutputLength: mostBytes });
  return bytes.toString('utf8');
}

function isContent(value: unknown): value is IncidentContent {
  if (!isObject(value) || value['format'] !== format || value['v'] !== 1) return false;
  const { lines, charts } = value;
  if (!Array.isArray(lines) || !isObject(charts)) return false;
  return lines.every((line) => isObject(line) && typeof line['k'] === 'string');
}
