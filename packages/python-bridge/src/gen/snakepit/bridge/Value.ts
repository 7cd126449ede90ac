// Original file: proto/snakepit_bridge.proto

import type { Attachment as _snakepit_bridge_Attachment, Attachment__Output as _snakepit_bridge_Attachment__Output } from '../../snakepit/bridge/Attachment.ts';

export interface Value {
  'json'?: (Buffer | Uint8Array | string);
  'attachments'?: (_snakepit_bridge_Attachment)[];
}

export interface Value__Output {
  'json': (Buffer);
  'attachments': (_snakepit_bridge_Attachment__Output)[];
}
