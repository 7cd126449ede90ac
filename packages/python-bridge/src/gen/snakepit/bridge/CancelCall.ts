// Original file: proto/snakepit_bridge.proto


export interface CancelCall {
  'reason'?: (string);
}

export interface CancelCall__Output {
  'reason': (string);
}
