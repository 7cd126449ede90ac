// Original file: proto/snakepit_bridge.proto

import type { Long } from '@grpc/proto-loader';

export interface TelemetryValue {
  'int_value'?: (number | string | Long);
  'float_value'?: (number | string);
  'string_value'?: (string);
  'value'?: "int_value"|"float_value"|"string_value";
}

export interface TelemetryValue__Output {
  'int_value'?: (number);
  'float_value'?: (number);
  'string_value'?: (string);
  'value'?: "int_value"|"float_value"|"string_value";
}
