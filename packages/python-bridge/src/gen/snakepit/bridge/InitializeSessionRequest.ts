// Original file: proto/snakepit_bridge.proto

import type { SessionConfig as _snakepit_bridge_SessionConfig, SessionConfig__Output as _snakepit_bridge_SessionConfig__Output } from '../../snakepit/bridge/SessionConfig.ts';

export interface InitializeSessionRequest {
  'session_id'?: (string);
  'metadata'?: ({[key: string]: string});
  'config'?: (_snakepit_bridge_SessionConfig | null);
}

export interface InitializeSessionRequest__Output {
  'session_id': (string);
  'metadata': ({[key: string]: string});
  'config': (_snakepit_bridge_SessionConfig__Output | null);
}
