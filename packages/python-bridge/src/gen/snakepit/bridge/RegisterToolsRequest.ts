// Original file: proto/snakepit_bridge.proto

import type { ToolRegistration as _snakepit_bridge_ToolRegistration, ToolRegistration__Output as _snakepit_bridge_ToolRegistration__Output } from '../../snakepit/bridge/ToolRegistration.ts';

export interface RegisterToolsRequest {
  'session_id'?: (string);
  'tools'?: (_snakepit_bridge_ToolRegistration)[];
  'worker_id'?: (string);
}

export interface RegisterToolsRequest__Output {
  'session_id': (string);
  'tools': (_snakepit_bridge_ToolRegistration__Output)[];
  'worker_id': (string);
}
