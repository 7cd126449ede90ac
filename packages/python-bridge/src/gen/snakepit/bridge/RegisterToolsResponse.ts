// Original file: proto/snakepit_bridge.proto


export interface RegisterToolsResponse {
  'success'?: (boolean);
  'tool_ids'?: ({[key: string]: string});
  'error_message'?: (string);
}

export interface RegisterToolsResponse__Output {
  'success': (boolean);
  'tool_ids': ({[key: string]: string});
  'error_message': (string);
}
