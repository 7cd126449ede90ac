// Original file: proto/snakepit_bridge.proto

import type { Value as _snakepit_bridge_Value, Value__Output as _snakepit_bridge_Value__Output } from '../../snakepit/bridge/Value.ts';

export interface OpenCall {
  'tool'?: (string);
  'session'?: (string);
  'arguments'?: (_snakepit_bridge_Value | null);
  'binary_arguments'?: ({[key: string]: number});
  'metadata'?: ({[key: string]: string});
  'timeout_ms'?: (number);
  'stream'?: (boolean);
  'credit'?: (number);
}

export interface OpenCall__Output {
  'tool': (string);
  'session': (string);
  'arguments': (_snakepit_bridge_Value__Output | null);
  'binary_arguments': ({[key: string]: number});
  'metadata': ({[key: string]: string});
  'timeout_ms': (number);
  'stream': (boolean);
  'credit': (number);
}
