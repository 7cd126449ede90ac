// Original file: proto/snakepit_bridge.proto

import type { Any as _google_protobuf_Any, Any__Output as _google_protobuf_Any__Output } from '../../google/protobuf/Any.ts';

export interface ExecuteToolRequest {
  'session_id'?: (string);
  'tool_name'?: (string);
  'parameters'?: ({[key: string]: _google_protobuf_Any});
  'metadata'?: ({[key: string]: string});
  'stream'?: (boolean);
  'binary_parameters'?: ({[key: string]: Buffer | Uint8Array | string});
  'attachments'?: (Buffer | Uint8Array | string)[];
}

export interface ExecuteToolRequest__Output {
  'session_id': (string);
  'tool_name': (string);
  'parameters': ({[key: string]: _google_protobuf_Any__Output});
  'metadata': ({[key: string]: string});
  'stream': (boolean);
  'binary_parameters': ({[key: string]: Buffer});
  'attachments': (Buffer)[];
}
