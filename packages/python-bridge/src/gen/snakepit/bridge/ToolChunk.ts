// Original file: proto/snakepit_bridge.proto


export interface ToolChunk {
  'chunk_id'?: (string);
  'data'?: (Buffer | Uint8Array | string);
  'is_final'?: (boolean);
  'metadata'?: ({[key: string]: string});
  'attachments'?: (Buffer | Uint8Array | string)[];
}

export interface ToolChunk__Output {
  'chunk_id': (string);
  'data': (Buffer);
  'is_final': (boolean);
  'metadata': ({[key: string]: string});
  'attachments': (Buffer)[];
}
