// Original file: proto/snakepit_bridge.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';

export interface HeartbeatResponse {
  'server_time'?: (_google_protobuf_Timestamp | null);
  'session_valid'?: (boolean);
}

export interface HeartbeatResponse__Output {
  'server_time': (_google_protobuf_Timestamp__Output | null);
  'session_valid': (boolean);
}
