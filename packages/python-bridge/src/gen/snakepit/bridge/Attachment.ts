// Original file: proto/snakepit_bridge.proto

import type { Long } from '@grpc/proto-loader';

export interface Attachment {
  'data'?: (Buffer | Uint8Array | string);
  'size'?: (number | string | Long);
}

export interface Attachment__Output {
  'data': (Buffer);
  'size': (number);
}
