// Original file: proto/snakepit_bridge.proto


export interface TelemetrySamplingUpdate {
  'sampling_rate'?: (number | string);
  'event_patterns'?: (string)[];
}

export interface TelemetrySamplingUpdate__Output {
  'sampling_rate': (number);
  'event_patterns': (string)[];
}
