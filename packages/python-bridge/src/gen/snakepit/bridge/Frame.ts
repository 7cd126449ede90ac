// Original file: proto/snakepit_bridge.proto

import type { FrameHello as _snakepit_bridge_FrameHello, FrameHello__Output as _snakepit_bridge_FrameHello__Output } from '../../snakepit/bridge/FrameHello.ts';
import type { OpenCall as _snakepit_bridge_OpenCall, OpenCall__Output as _snakepit_bridge_OpenCall__Output } from '../../snakepit/bridge/OpenCall.ts';
import type { CancelCall as _snakepit_bridge_CancelCall, CancelCall__Output as _snakepit_bridge_CancelCall__Output } from '../../snakepit/bridge/CancelCall.ts';
import type { InitializeSessionRequest as _snakepit_bridge_InitializeSessionRequest, InitializeSessionRequest__Output as _snakepit_bridge_InitializeSessionRequest__Output } from '../../snakepit/bridge/InitializeSessionRequest.ts';
import type { CleanupSessionRequest as _snakepit_bridge_CleanupSessionRequest, CleanupSessionRequest__Output as _snakepit_bridge_CleanupSessionRequest__Output } from '../../snakepit/bridge/CleanupSessionRequest.ts';
import type { PingRequest as _snakepit_bridge_PingRequest, PingRequest__Output as _snakepit_bridge_PingRequest__Output } from '../../snakepit/bridge/PingRequest.ts';
import type { CallResult as _snakepit_bridge_CallResult, CallResult__Output as _snakepit_bridge_CallResult__Output } from '../../snakepit/bridge/CallResult.ts';
import type { CallFailure as _snakepit_bridge_CallFailure, CallFailure__Output as _snakepit_bridge_CallFailure__Output } from '../../snakepit/bridge/CallFailure.ts';
import type { CallChunk as _snakepit_bridge_CallChunk, CallChunk__Output as _snakepit_bridge_CallChunk__Output } from '../../snakepit/bridge/CallChunk.ts';
import type { PingResponse as _snakepit_bridge_PingResponse, PingResponse__Output as _snakepit_bridge_PingResponse__Output } from '../../snakepit/bridge/PingResponse.ts';
import type { Piece as _snakepit_bridge_Piece, Piece__Output as _snakepit_bridge_Piece__Output } from '../../snakepit/bridge/Piece.ts';

export interface Frame {
  'call'?: (number);
  'hello'?: (_snakepit_bridge_FrameHello | null);
  'open'?: (_snakepit_bridge_OpenCall | null);
  'cancel'?: (_snakepit_bridge_CancelCall | null);
  'credit'?: (number);
  'open_session'?: (_snakepit_bridge_InitializeSessionRequest | null);
  'close_session'?: (_snakepit_bridge_CleanupSessionRequest | null);
  'ping'?: (_snakepit_bridge_PingRequest | null);
  'result'?: (_snakepit_bridge_CallResult | null);
  'failure'?: (_snakepit_bridge_CallFailure | null);
  'chunk'?: (_snakepit_bridge_CallChunk | null);
  'pong'?: (_snakepit_bridge_PingResponse | null);
  'piece'?: (_snakepit_bridge_Piece | null);
  'calls'?: (Buffer | Uint8Array | string);
  'results'?: (Buffer | Uint8Array | string);
  'kind'?: "hello"|"open"|"cancel"|"credit"|"open_session"|"close_session"|"ping"|"result"|"failure"|"chunk"|"pong"|"piece"|"calls"|"results";
}

export interface Frame__Output {
  'call': (number);
  'hello'?: (_snakepit_bridge_FrameHello__Output | null);
  'open'?: (_snakepit_bridge_OpenCall__Output | null);
  'cancel'?: (_snakepit_bridge_CancelCall__Output | null);
  'credit'?: (number);
  'open_session'?: (_snakepit_bridge_InitializeSessionRequest__Output | null);
  'close_session'?: (_snakepit_bridge_CleanupSessionRequest__Output | null);
  'ping'?: (_snakepit_bridge_PingRequest__Output | null);
  'result'?: (_snakepit_bridge_CallResult__Output | null);
  'failure'?: (_snakepit_bridge_CallFailure__Output | null);
  'chunk'?: (_snakepit_bridge_CallChunk__Output | null);
  'pong'?: (_snakepit_bridge_PingResponse__Output | null);
  'piece'?: (_snakepit_bridge_Piece__Output | null);
  'calls'?: (Buffer);
  'results'?: (Buffer);
  'kind'?: "hello"|"open"|"cancel"|"credit"|"open_session"|"close_session"|"ping"|"result"|"failure"|"chunk"|"pong"|"piece"|"calls"|"results";
}
