// Original file: proto/snakepit_bridge.proto


export interface GetExposedElixirToolsRequest {
  'session_id'?: (string);
}

export interface GetExposedElixirToolsRequest__Output {
  'session_id': (string);
}
