// Original file: proto/snakepit_bridge.proto

import type { Value as _snakepit_bridge_Value, Value__Output as _snakepit_bridge_Value__Output } from '../../snakepit/bridge/Value.ts';
import type { Long } from '@grpc/proto-loader';

export interface CallResult {
  'value'?: (_snakepit_bridge_Value | null);
  'metadata'?: ({[key: string]: string});
  'execution_time_us'?: (number | string | Long);
}

export interface CallResult__Output {
  'value': (_snakepit_bridge_Value__Output | null);
  'metadata': ({[key: string]: string});
  'execution_time_us': (number);
}
