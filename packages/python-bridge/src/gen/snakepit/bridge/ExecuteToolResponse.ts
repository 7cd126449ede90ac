// Original file: proto/snakepit_bridge.proto

import type { Any as _google_protobuf_Any, Any__Output as _google_protobuf_Any__Output } from '../../google/protobuf/Any.ts';
import type { Long } from '@grpc/proto-loader';

export interface ExecuteToolResponse {
  'success'?: (boolean);
  'result'?: (_google_protobuf_Any | null);
  'error_message'?: (string);
  'metadata'?: ({[key: string]: string});
  'execution_time_ms'?: (number | string | Long);
  'binary_result'?: (Buffer | Uint8Array | string);
  'attachments'?: (Buffer | Uint8Array | string)[];
}

export interface ExecuteToolResponse__Output {
  'success': (boolean);
  'result': (_google_protobuf_Any__Output | null);
  'error_message': (string);
  'metadata': ({[key: string]: string});
  'execution_time_ms': (number);
  'binary_result': (Buffer);
  'attachments': (Buffer)[];
}
