// Original file: proto/snakepit_bridge.proto

import type { Value as _snakepit_bridge_Value, Value__Output as _snakepit_bridge_Value__Output } from '../../snakepit/bridge/Value.ts';

export interface CallChunk {
  'value'?: (_snakepit_bridge_Value | null);
  'is_final'?: (boolean);
  'metadata'?: ({[key: string]: string});
}

export interface CallChunk__Output {
  'value': (_snakepit_bridge_Value__Output | null);
  'is_final': (boolean);
  'metadata': ({[key: string]: string});
}
