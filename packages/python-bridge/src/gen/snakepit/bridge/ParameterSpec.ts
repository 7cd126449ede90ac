// Original file: proto/snakepit_bridge.proto

import type { Any as _google_protobuf_Any, Any__Output as _google_protobuf_Any__Output } from '../../google/protobuf/Any.ts';

export interface ParameterSpec {
  'name'?: (string);
  'type'?: (string);
  'description'?: (string);
  'required'?: (boolean);
  'default_value'?: (_google_protobuf_Any | null);
  'validation_json'?: (string);
}

export interface ParameterSpec__Output {
  'name': (string);
  'type': (string);
  'description': (string);
  'required': (boolean);
  'default_value': (_google_protobuf_Any__Output | null);
  'validation_json': (string);
}
