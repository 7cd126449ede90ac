// Original file: proto/snakepit_bridge.proto


export interface CallFailure {
  'status'?: (number);
  'details'?: (string);
}

export interface CallFailure__Output {
  'status': (number);
  'details': (string);
}
