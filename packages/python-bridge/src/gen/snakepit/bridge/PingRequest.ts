// Original file: proto/snakepit_bridge.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';

export interface PingRequest {
  'message'?: (string);
  'client_time'?: (_google_protobuf_Timestamp | null);
}

export interface PingRequest__Output {
  'message': (string);
  'client_time': (_google_protobuf_Timestamp__Output | null);
}
