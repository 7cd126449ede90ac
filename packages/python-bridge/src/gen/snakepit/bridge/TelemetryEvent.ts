// Original file: proto/snakepit_bridge.proto

import type { TelemetryValue as _snakepit_bridge_TelemetryValue, TelemetryValue__Output as _snakepit_bridge_TelemetryValue__Output } from '../../snakepit/bridge/TelemetryValue.ts';
import type { Long } from '@grpc/proto-loader';

export interface TelemetryEvent {
  'event_parts'?: (string)[];
  'measurements'?: ({[key: string]: _snakepit_bridge_TelemetryValue});
  'metadata'?: ({[key: string]: string});
  'timestamp_ns'?: (number | string | Long);
  'correlation_id'?: (string);
}

export interface TelemetryEvent__Output {
  'event_parts': (string)[];
  'measurements': ({[key: string]: _snakepit_bridge_TelemetryValue__Output});
  'metadata': ({[key: string]: string});
  'timestamp_ns': (number);
  'correlation_id': (string);
}
