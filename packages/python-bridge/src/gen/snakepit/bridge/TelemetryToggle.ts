// Original file: proto/snakepit_bridge.proto


export interface TelemetryToggle {
  'enabled'?: (boolean);
}

export interface TelemetryToggle__Output {
  'enabled': (boolean);
}
