// Original file: proto/snakepit_bridge.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';

export interface HeartbeatRequest {
  'session_id'?: (string);
  'client_time'?: (_google_protobuf_Timestamp | null);
}

export interface HeartbeatRequest__Output {
  'session_id': (string);
  'client_time': (_google_protobuf_Timestamp__Output | null);
}
