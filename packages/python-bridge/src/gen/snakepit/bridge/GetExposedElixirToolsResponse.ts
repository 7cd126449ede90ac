// Original file: proto/snakepit_bridge.proto

import type { ToolSpec as _snakepit_bridge_ToolSpec, ToolSpec__Output as _snakepit_bridge_ToolSpec__Output } from '../../snakepit/bridge/ToolSpec.ts';

export interface GetExposedElixirToolsResponse {
  'tools'?: (_snakepit_bridge_ToolSpec)[];
}

export interface GetExposedElixirToolsResponse__Output {
  'tools': (_snakepit_bridge_ToolSpec__Output)[];
}
