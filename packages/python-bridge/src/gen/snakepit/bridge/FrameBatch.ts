// Original file: proto/snakepit_bridge.proto

import type { Frame as _snakepit_bridge_Frame, Frame__Output as _snakepit_bridge_Frame__Output } from '../../snakepit/bridge/Frame.ts';

export interface FrameBatch {
  'frames'?: (_snakepit_bridge_Frame)[];
}

export interface FrameBatch__Output {
  'frames': (_snakepit_bridge_Frame__Output)[];
}
