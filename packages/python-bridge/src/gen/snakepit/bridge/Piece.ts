// Original file: proto/snakepit_bridge.proto


export interface Piece {
  'data'?: (Buffer | Uint8Array | string);
}

export interface Piece__Output {
  'data': (Buffer);
}
