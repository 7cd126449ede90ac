import type { ToolCall } from '../call-path.ts';
import { fieldBytes, textBytes, varintBytes, type ProtoWriter } from './proto-writer.ts';

/** Attachments of one value go inside while they have no more than this together, in bytes; then they follow in pieces. */
export const inlineBytes = 256 * 1024;

/** Largest piece, in bytes. */
export const pieceBytes = 256 * 1024;

/** What a frame may need besides its texts and bytes: tags, lengths and numbers. */
const frameOverhead = 64;

/** The largest number of milliseconds that fits; more is no limit. */
const longestTimeoutMs = 2 ** 32 - 1;

const tag = {
  frame: 0x0a,
  call: 0x08,
  open: 0x1a,
  cancel: 0x22,
  credit: 0x28,
  openSession: 0x32,
  closeSession: 0x3a,
  ping: 0x42,
  piece: 0x6a,
  calls: 0x72,
} as const;

/** The arguments of a call as one JSON object. */
export function joinJson(json: Readonly<Record<string, string>>): string {
  let text = '{';
  for (const name in json) {
    text += `${text.length === 1 ? '' : ','}${JSON.stringify(name)}:${json[name] ?? 'null'}`;
  }
  return `${text}}`;
}

const none: readonly never[] = Object.freeze([]);

/** What a call has beside its texts, in order; those in places that `follows` has go in pieces. */
interface Attached {
  readonly all: readonly Uint8Array[];
  readonly follows: ReadonlySet<number>;
}

const nothingAttached: Attached = { all: none, follows: new Set() };

function attachedOf({ arguments: { attachments, binary } }: ToolCall): Attached {
  const others = Object.values(binary);
  if (attachments.length === 0 && others.length === 0) return nothingAttached;
  const all = [...attachments, ...others];
  const follows = new Set<number>();
  let inside = 0;
  all.forEach((data, place) => {
    if (inside + data.length > inlineBytes) follows.add(place);
    else inside += data.length;
  });
  return { all, follows };
}

/**
 * Writes the frame that opens a call.
 *
 * @returns The attachments that have to follow in pieces, in order.
 */
export function writeOpen(
  writer: ProtoWriter,
  id: number,
  call: ToolCall,
  timeoutMs: number,
): readonly Uint8Array[] {
  const { tool, session = '', metadata, stream } = call;
  const json = joinJson(call.arguments.json);
  const jsonBytes = textBytes(json);
  const attached = attachedOf(call);
  const { all } = attached;
  const toolBytes = textBytes(tool);
  const sessionBytes = session === '' ? 0 : textBytes(session);
  const timeout = timeoutField(timeoutMs);
  const credit = stream?.credit ?? 0;

  let valueBytes = fieldBytes(jsonBytes);
  for (let at = 0; at < all.length; at++) valueBytes += fieldBytes(attachmentBytes(attached, at));
  let body = fieldBytes(toolBytes) + fieldBytes(valueBytes);
  if (session !== '') body += fieldBytes(sessionBytes);
  if (timeout !== 0) body += 1 + varintBytes(timeout);
  if (stream !== undefined) body += 2;
  if (credit !== 0) body += 1 + varintBytes(credit);
  const firstBinary = call.arguments.attachments.length;
  if (all.length > firstBinary) body += binaryNamesBytes(call.arguments.binary, firstBinary);
  if (metadata !== undefined) body += mapBytes(metadata);

  beginFrame(writer, id, tag.open, body);
  writer.text(0x0a, tool, toolBytes);
  if (session !== '') writer.text(0x12, session, sessionBytes);
  writer.head(0x1a, valueBytes);
  writer.text(0x0a, json, jsonBytes);
  for (let at = 0; at < all.length; at++) writeAttachment(writer, attached, at);
  if (all.length > firstBinary) writeBinaryNames(writer, call.arguments.binary, firstBinary);
  if (metadata !== undefined) writeMap(writer, 0x2a, metadata);
  writer.number(0x30, timeout);
  if (stream !== undefined) writer.number(0x38, 1);
  writer.number(0x40, credit);
  return attached.follows.size === 0 ? none : all.filter((_, at) => attached.follows.has(at));
}

/** The time that a call has, as the worker is told it: whole milliseconds from 1, or 0 for no limit. */
export function timeoutField(timeoutMs: number): number {
  return timeoutMs > longestTimeoutMs ? 0 : Math.max(1, Math.ceil(timeoutMs));
}

/**
 * Writes small calls as one frame.
 *
 * @param json - A JSON array of what the calls are, flat.
 * @param jsonBytes - How many bytes it takes as UTF-8.
 */
export function writeCalls(writer: ProtoWriter, json: string, jsonBytes: number): void {
  beginFrame(writer, 0, tag.calls, jsonBytes);
  writer.rawText(json, jsonBytes);
}

/** Writes that the caller has given up. */
export function writeCancel(
  writer: ProtoWriter,
  id: number,
  reason: 'deadline' | 'cancelled',
): void {
  beginFrame(writer, id, tag.cancel, fieldBytes(reason.length));
  writer.text(0x0a, reason, reason.length);
}

/** Writes that so many more chunks may come. */
export function writeCredit(writer: ProtoWriter, id: number, chunks: number): void {
  const bytes = 1 + varintBytes(id) + 1 + varintBytes(chunks);
  writer.reserve(bytes + frameOverhead);
  writer.head(tag.frame, bytes);
  writer.number(tag.call, id);
  // Also none, for its field says what kind of frame it is.
  writer.byte(tag.credit);
  writer.varint(chunks);
}

/** Writes that a session is open. */
export function writeOpenSession(
  writer: ProtoWriter,
  session: string,
  metadata: Readonly<Record<string, string>>,
): void {
  const bytes = textBytes(session);
  beginFrame(writer, 0, tag.openSession, fieldBytes(bytes) + mapBytes(metadata));
  writer.text(0x0a, session, bytes);
  writeMap(writer, 0x12, metadata);
}

/** Writes that a session is over. */
export function writeCloseSession(writer: ProtoWriter, session: string): void {
  const bytes = textBytes(session);
  beginFrame(writer, 0, tag.closeSession, fieldBytes(bytes) + 2);
  writer.text(0x0a, session, bytes);
  writer.number(0x10, 1);
}

/** Writes a ping with the time by the wall clock. */
export function writePing(writer: ProtoWriter, id: number, nowMs: number): void {
  const message = 'ping';
  const seconds = Math.floor(nowMs / 1000);
  const nanos = Math.floor(nowMs % 1000) * 1_000_000;
  const time = 1 + varintBytes(seconds) + (nanos === 0 ? 0 : 1 + varintBytes(nanos));
  beginFrame(writer, id, tag.ping, fieldBytes(message.length) + fieldBytes(time));
  writer.text(0x0a, message, message.length);
  writer.head(0x12, time);
  writer.number(0x08, seconds);
  writer.number(0x10, nanos);
}

/** Writes all of a piece but its bytes, which have to come next. */
export function writePieceHead(writer: ProtoWriter, id: number, dataBytes: number): void {
  const pieceLength = fieldBytes(dataBytes);
  writer.reserve(frameOverhead);
  writer.head(tag.frame, 1 + varintBytes(id) + fieldBytes(pieceLength));
  writer.number(tag.call, id);
  writer.head(tag.piece, pieceLength);
  writer.head(0x0a, dataBytes);
}

function beginFrame(writer: ProtoWriter, id: number, kind: number, bodyBytes: number): void {
  const frame = (id === 0 ? 0 : 1 + varintBytes(id)) + fieldBytes(bodyBytes);
  writer.reserve(frame + frameOverhead);
  writer.head(tag.frame, frame);
  writer.number(tag.call, id);
  writer.head(kind, bodyBytes);
}

function attachmentBytes({ all, follows }: Attached, at: number): number {
  const { length } = all[at] ?? none;
  if (length === 0) return 0;
  return follows.has(at) ? 1 + varintBytes(length) : fieldBytes(length);
}

function writeAttachment(writer: ProtoWriter, attached: Attached, at: number): void {
  const data = attached.all[at];
  writer.head(0x12, attachmentBytes(attached, at));
  if (data === undefined || data.length === 0) return;
  if (attached.follows.has(at)) writer.number(0x10, data.length);
  else writer.data(0x0a, data);
}

function binaryEntryBytes(name: string, place: number): number {
  return fieldBytes(textBytes(name)) + (place === 0 ? 0 : 1 + varintBytes(place));
}

function binaryNamesBytes(binary: Readonly<Record<string, Uint8Array>>, first: number): number {
  let bytes = 0;
  let place = first;
  for (const name of Object.keys(binary)) bytes += fieldBytes(binaryEntryBytes(name, place++));
  return bytes;
}

function writeBinaryNames(
  writer: ProtoWriter,
  binary: Readonly<Record<string, Uint8Array>>,
  first: number,
): void {
  let place = first;
  for (const name of Object.keys(binary)) {
    writer.head(0x22, binaryEntryBytes(name, place));
    writer.text(0x0a, name, textBytes(name));
    writer.number(0x10, place++);
  }
}

function mapBytes(map: Readonly<Record<string, string>>): number {
  let bytes = 0;
  for (const name of Object.keys(map)) bytes += fieldBytes(entryBytes(name, map[name] ?? ''));
  return bytes;
}

function entryBytes(name: string, value: string): number {
  return fieldBytes(textBytes(name)) + fieldBytes(textBytes(value));
}

function writeMap(writer: ProtoWriter, field: number, map: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(map)) {
    const value = map[name] ?? '';
    writer.head(field, entryBytes(name, value));
    writer.text(0x0a, name, textBytes(name));
    writer.text(0x12, value, textBytes(value));
  }
}
