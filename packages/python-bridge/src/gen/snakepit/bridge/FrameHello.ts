// Original file: proto/snakepit_bridge.proto


export interface FrameHello {
  'features'?: (string)[];
  'max_calls'?: (number);
}

export interface FrameHello__Output {
  'features': (string)[];
  'max_calls': (number);
}
