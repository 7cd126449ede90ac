// Original file: proto/snakepit_bridge.proto

import type { Any as _google_protobuf_Any, Any__Output as _google_protobuf_Any__Output } from '../../google/protobuf/Any.ts';

export interface ExecuteElixirToolRequest {
  'session_id'?: (string);
  'tool_name'?: (string);
  'parameters'?: ({[key: string]: _google_protobuf_Any});
  'metadata'?: ({[key: string]: string});
  'attachments'?: (Buffer | Uint8Array | string)[];
}

export interface ExecuteElixirToolRequest__Output {
  'session_id': (string);
  'tool_name': (string);
  'parameters': ({[key: string]: _google_protobuf_Any__Output});
  'metadata': ({[key: string]: string});
  'attachments': (Buffer)[];
}
