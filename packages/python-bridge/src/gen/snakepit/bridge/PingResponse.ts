// Original file: proto/snakepit_bridge.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';

export interface PingResponse {
  'message'?: (string);
  'server_time'?: (_google_protobuf_Timestamp | null);
}

export interface PingResponse__Output {
  'message': (string);
  'server_time': (_google_protobuf_Timestamp__Output | null);
}
