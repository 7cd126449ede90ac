// Original file: proto/snakepit_bridge.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';

export interface GetSessionResponse {
  'session_id'?: (string);
  'metadata'?: ({[key: string]: string});
  'created_at'?: (_google_protobuf_Timestamp | null);
  'tool_count'?: (number);
}

export interface GetSessionResponse__Output {
  'session_id': (string);
  'metadata': ({[key: string]: string});
  'created_at': (_google_protobuf_Timestamp__Output | null);
  'tool_count': (number);
}
