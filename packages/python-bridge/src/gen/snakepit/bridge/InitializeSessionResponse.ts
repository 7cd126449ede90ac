// Original file: proto/snakepit_bridge.proto

import type { ToolSpec as _snakepit_bridge_ToolSpec, ToolSpec__Output as _snakepit_bridge_ToolSpec__Output } from '../../snakepit/bridge/ToolSpec.ts';

export interface InitializeSessionResponse {
  'success'?: (boolean);
  'error_message'?: (string);
  'available_tools'?: ({[key: string]: _snakepit_bridge_ToolSpec});
}

export interface InitializeSessionResponse__Output {
  'success': (boolean);
  'error_message': (string);
  'available_tools': ({[key: string]: _snakepit_bridge_ToolSpec__Output});
}
