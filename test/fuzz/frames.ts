// The messages of `Frames` as a worker sends them, and as it should not.

/** A field whose bytes are counted. */
export function field(number: number, body: Buffer): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(body.length), body]);
}

/** A field that is a number. */
export function numberField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number * 8), varint(value)]);
}

/** A message of gRPC. */
export function message(body: Buffer): Buffer {
  return Buffer.concat([lengthOf(body.length), body]);
}

/** What stands before a message of so many bytes. */
export function lengthOf(length: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

/** A batch of frames. */
export function batch(frames: readonly Buffer[]): Buffer {
  return Buffer.concat(frames.map((one) => field(1, one)));
}

/** A frame about a call. */
export function frame(call: number, kind: Buffer): Buffer {
  return Buffer.concat([numberField(1, call), kind]);
}

/** The first frame of a worker. */
export function hello(): Buffer {
  return field(
    2,
    Buffer.concat([
      field(1, Buffer.from('frames')),
      field(1, Buffer.from('joined')),
      numberField(2, 1_000),
    ]),
  );
}

/** A value: JSON, and attachments that are there or announced. */
export function valueOf(json: Buffer, attachments: readonly (Buffer | number)[] = []): Buffer {
  const beside = attachments.map((one) =>
    field(2, typeof one === 'number' ? numberField(2, one) : field(1, one)),
  );
  return Buffer.concat([field(1, json), ...beside]);
}

/** The end of a call that succeeded. */
export function resultOf(json: Buffer, attachments: readonly (Buffer | number)[] = []): Buffer {
  return field(9, field(1, valueOf(json, attachments)));
}

/** The end of a call that failed. */
export function failureOf(status: number, details: Buffer): Buffer {
  return field(10, Buffer.concat([numberField(1, status), field(2, details)]));
}

/** A chunk of a stream. */
export function chunkOf(json: Buffer, attachments: readonly (Buffer | number)[] = []): Buffer {
  return field(11, field(1, valueOf(json, attachments)));
}

/** Calls that share a frame. */
export function callsOf(json: Buffer): Buffer {
  return field(14, json);
}

/** The ends of calls that succeeded, which share a frame. */
export function resultsOf(json: Buffer): Buffer {
  return field(15, json);
}

/** The next bytes of an attachment. */
export function pieceOf(data: Buffer): Buffer {
  return field(13, field(1, data));
}

function varint(value: number): Buffer {
  const digits: number[] = [];
  let rest = value;
  while (rest > 127) {
    digits.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...digits, rest]);
}
