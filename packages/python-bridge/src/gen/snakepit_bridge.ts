import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Any as _google_protobuf_Any, Any__Output as _google_protobuf_Any__Output } from './google/protobuf/Any.ts';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.ts';
import type { Attachment as _snakepit_bridge_Attachment, Attachment__Output as _snakepit_bridge_Attachment__Output } from './snakepit/bridge/Attachment.ts';
import type { BridgeServiceClient as _snakepit_bridge_BridgeServiceClient, BridgeServiceDefinition as _snakepit_bridge_BridgeServiceDefinition } from './snakepit/bridge/BridgeService.ts';
import type { CallChunk as _snakepit_bridge_CallChunk, CallChunk__Output as _snakepit_bridge_CallChunk__Output } from './snakepit/bridge/CallChunk.ts';
import type { CallFailure as _snakepit_bridge_CallFailure, CallFailure__Output as _snakepit_bridge_CallFailure__Output } from './snakepit/bridge/CallFailure.ts';
import type { CallResult as _snakepit_bridge_CallResult, CallResult__Output as _snakepit_bridge_CallResult__Output } from './snakepit/bridge/CallResult.ts';
import type { CancelCall as _snakepit_bridge_CancelCall, CancelCall__Output as _snakepit_bridge_CancelCall__Output } from './snakepit/bridge/CancelCall.ts';
import type { CleanupSessionRequest as _snakepit_bridge_CleanupSessionRequest, CleanupSessionRequest__Output as _snakepit_bridge_CleanupSessionRequest__Output } from './snakepit/bridge/CleanupSessionRequest.ts';
import type { CleanupSessionResponse as _snakepit_bridge_CleanupSessionResponse, CleanupSessionResponse__Output as _snakepit_bridge_CleanupSessionResponse__Output } from './snakepit/bridge/CleanupSessionResponse.ts';
import type { ExecuteElixirToolRequest as _snakepit_bridge_ExecuteElixirToolRequest, ExecuteElixirToolRequest__Output as _snakepit_bridge_ExecuteElixirToolRequest__Output } from './snakepit/bridge/ExecuteElixirToolRequest.ts';
import type { ExecuteElixirToolResponse as _snakepit_bridge_ExecuteElixirToolResponse, ExecuteElixirToolResponse__Output as _snakepit_bridge_ExecuteElixirToolResponse__Output } from './snakepit/bridge/ExecuteElixirToolResponse.ts';
import type { ExecuteToolRequest as _snakepit_bridge_ExecuteToolRequest, ExecuteToolRequest__Output as _snakepit_bridge_ExecuteToolRequest__Output } from './snakepit/bridge/ExecuteToolRequest.ts';
import type { ExecuteToolResponse as _snakepit_bridge_ExecuteToolResponse, ExecuteToolResponse__Output as _snakepit_bridge_ExecuteToolResponse__Output } from './snakepit/bridge/ExecuteToolResponse.ts';
import type { Frame as _snakepit_bridge_Frame, Frame__Output as _snakepit_bridge_Frame__Output } from './snakepit/bridge/Frame.ts';
import type { FrameBatch as _snakepit_bridge_FrameBatch, FrameBatch__Output as _snakepit_bridge_FrameBatch__Output } from './snakepit/bridge/FrameBatch.ts';
import type { FrameHello as _snakepit_bridge_FrameHello, FrameHello__Output as _snakepit_bridge_FrameHello__Output } from './snakepit/bridge/FrameHello.ts';
import type { GetExposedElixirToolsRequest as _snakepit_bridge_GetExposedElixirToolsRequest, GetExposedElixirToolsRequest__Output as _snakepit_bridge_GetExposedElixirToolsRequest__Output } from './snakepit/bridge/GetExposedElixirToolsRequest.ts';
import type { GetExposedElixirToolsResponse as _snakepit_bridge_GetExposedElixirToolsResponse, GetExposedElixirToolsResponse__Output as _snakepit_bridge_GetExposedElixirToolsResponse__Output } from './snakepit/bridge/GetExposedElixirToolsResponse.ts';
import type { GetSessionRequest as _snakepit_bridge_GetSessionRequest, GetSessionRequest__Output as _snakepit_bridge_GetSessionRequest__Output } from './snakepit/bridge/GetSessionRequest.ts';
import type { GetSessionResponse as _snakepit_bridge_GetSessionResponse, GetSessionResponse__Output as _snakepit_bridge_GetSessionResponse__Output } from './snakepit/bridge/GetSessionResponse.ts';
import type { HeartbeatRequest as _snakepit_bridge_HeartbeatRequest, HeartbeatRequest__Output as _snakepit_bridge_HeartbeatRequest__Output } from './snakepit/bridge/HeartbeatRequest.ts';
import type { HeartbeatResponse as _snakepit_bridge_HeartbeatResponse, HeartbeatResponse__Output as _snakepit_bridge_HeartbeatResponse__Output } from './snakepit/bridge/HeartbeatResponse.ts';
import type { InitializeSessionRequest as _snakepit_bridge_InitializeSessionRequest, InitializeSessionRequest__Output as _snakepit_bridge_InitializeSessionRequest__Output } from './snakepit/bridge/InitializeSessionRequest.ts';
import type { InitializeSessionResponse as _snakepit_bridge_InitializeSessionResponse, InitializeSessionResponse__Output as _snakepit_bridge_InitializeSessionResponse__Output } from './snakepit/bridge/InitializeSessionResponse.ts';
import type { OpenCall as _snakepit_bridge_OpenCall, OpenCall__Output as _snakepit_bridge_OpenCall__Output } from './snakepit/bridge/OpenCall.ts';
import type { ParameterSpec as _snakepit_bridge_ParameterSpec, ParameterSpec__Output as _snakepit_bridge_ParameterSpec__Output } from './snakepit/bridge/ParameterSpec.ts';
import type { Piece as _snakepit_bridge_Piece, Piece__Output as _snakepit_bridge_Piece__Output } from './snakepit/bridge/Piece.ts';
import type { PingRequest as _snakepit_bridge_PingRequest, PingRequest__Output as _snakepit_bridge_PingRequest__Output } from './snakepit/bridge/PingRequest.ts';
import type { PingResponse as _snakepit_bridge_PingResponse, PingResponse__Output as _snakepit_bridge_PingResponse__Output } from './snakepit/bridge/PingResponse.ts';
import type { RegisterToolsRequest as _snakepit_bridge_RegisterToolsRequest, RegisterToolsRequest__Output as _snakepit_bridge_RegisterToolsRequest__Output } from './snakepit/bridge/RegisterToolsRequest.ts';
import type { RegisterToolsResponse as _snakepit_bridge_RegisterToolsResponse, RegisterToolsResponse__Output as _snakepit_bridge_RegisterToolsResponse__Output } from './snakepit/bridge/RegisterToolsResponse.ts';
import type { SessionConfig as _snakepit_bridge_SessionConfig, SessionConfig__Output as _snakepit_bridge_SessionConfig__Output } from './snakepit/bridge/SessionConfig.ts';
import type { TelemetryControl as _snakepit_bridge_TelemetryControl, TelemetryControl__Output as _snakepit_bridge_TelemetryControl__Output } from './snakepit/bridge/TelemetryControl.ts';
import type { TelemetryEvent as _snakepit_bridge_TelemetryEvent, TelemetryEvent__Output as _snakepit_bridge_TelemetryEvent__Output } from './snakepit/bridge/TelemetryEvent.ts';
import type { TelemetryEventFilter as _snakepit_bridge_TelemetryEventFilter, TelemetryEventFilter__Output as _snakepit_bridge_TelemetryEventFilter__Output } from './snakepit/bridge/TelemetryEventFilter.ts';
import type { TelemetrySamplingUpdate as _snakepit_bridge_TelemetrySamplingUpdate, TelemetrySamplingUpdate__Output as _snakepit_bridge_TelemetrySamplingUpdate__Output } from './snakepit/bridge/TelemetrySamplingUpdate.ts';
import type { TelemetryToggle as _snakepit_bridge_TelemetryToggle, TelemetryToggle__Output as _snakepit_bridge_TelemetryToggle__Output } from './snakepit/bridge/TelemetryToggle.ts';
import type { TelemetryValue as _snakepit_bridge_TelemetryValue, TelemetryValue__Output as _snakepit_bridge_TelemetryValue__Output } from './snakepit/bridge/TelemetryValue.ts';
import type { ToolChunk as _snakepit_bridge_ToolChunk, ToolChunk__Output as _snakepit_bridge_ToolChunk__Output } from './snakepit/bridge/ToolChunk.ts';
import type { ToolRegistration as _snakepit_bridge_ToolRegistration, ToolRegistration__Output as _snakepit_bridge_ToolRegistration__Output } from './snakepit/bridge/ToolRegistration.ts';
import type { ToolSpec as _snakepit_bridge_ToolSpec, ToolSpec__Output as _snakepit_bridge_ToolSpec__Output } from './snakepit/bridge/ToolSpec.ts';
import type { Value as _snakepit_bridge_Value, Value__Output as _snakepit_bridge_Value__Output } from './snakepit/bridge/Value.ts';
import type { WorkerStatistics as _snakepit_bridge_WorkerStatistics, WorkerStatistics__Output as _snakepit_bridge_WorkerStatistics__Output } from './snakepit/bridge/WorkerStatistics.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      Any: MessageTypeDefinition<_google_protobuf_Any, _google_protobuf_Any__Output>
      Timestamp: MessageTypeDefinition<_google_protobuf_Timestamp, _google_protobuf_Timestamp__Output>
    }
  }
  snakepit: {
    bridge: {
      Attachment: MessageTypeDefinition<_snakepit_bridge_Attachment, _snakepit_bridge_Attachment__Output>
      BridgeService: SubtypeConstructor<typeof grpc.Client, _snakepit_bridge_BridgeServiceClient> & { service: _snakepit_bridge_BridgeServiceDefinition }
      CallChunk: MessageTypeDefinition<_snakepit_bridge_CallChunk, _snakepit_bridge_CallChunk__Output>
      CallFailure: MessageTypeDefinition<_snakepit_bridge_CallFailure, _snakepit_bridge_CallFailure__Output>
      CallResult: MessageTypeDefinition<_snakepit_bridge_CallResult, _snakepit_bridge_CallResult__Output>
      CancelCall: MessageTypeDefinition<_snakepit_bridge_CancelCall, _snakepit_bridge_CancelCall__Output>
      CleanupSessionRequest: MessageTypeDefinition<_snakepit_bridge_CleanupSessionRequest, _snakepit_bridge_CleanupSessionRequest__Output>
      CleanupSessionResponse: MessageTypeDefinition<_snakepit_bridge_CleanupSessionResponse, _snakepit_bridge_CleanupSessionResponse__Output>
      ExecuteElixirToolRequest: MessageTypeDefinition<_snakepit_bridge_ExecuteElixirToolRequest, _snakepit_bridge_ExecuteElixirToolRequest__Output>
      ExecuteElixirToolResponse: MessageTypeDefinition<_snakepit_bridge_ExecuteElixirToolResponse, _snakepit_bridge_ExecuteElixirToolResponse__Output>
      ExecuteToolRequest: MessageTypeDefinition<_snakepit_bridge_ExecuteToolRequest, _snakepit_bridge_ExecuteToolRequest__Output>
      ExecuteToolResponse: MessageTypeDefinition<_snakepit_bridge_ExecuteToolResponse, _snakepit_bridge_ExecuteToolResponse__Output>
      Frame: MessageTypeDefinition<_snakepit_bridge_Frame, _snakepit_bridge_Frame__Output>
      FrameBatch: MessageTypeDefinition<_snakepit_bridge_FrameBatch, _snakepit_bridge_FrameBatch__Output>
      FrameHello: MessageTypeDefinition<_snakepit_bridge_FrameHello, _snakepit_bridge_FrameHello__Output>
      GetExposedElixirToolsRequest: MessageTypeDefinition<_snakepit_bridge_GetExposedElixirToolsRequest, _snakepit_bridge_GetExposedElixirToolsRequest__Output>
      GetExposedElixirToolsResponse: MessageTypeDefinition<_snakepit_bridge_GetExposedElixirToolsResponse, _snakepit_bridge_GetExposedElixirToolsResponse__Output>
      GetSessionRequest: MessageTypeDefinition<_snakepit_bridge_GetSessionRequest, _snakepit_bridge_GetSessionRequest__Output>
      GetSessionResponse: MessageTypeDefinition<_snakepit_bridge_GetSessionResponse, _snakepit_bridge_GetSessionResponse__Output>
      HeartbeatRequest: MessageTypeDefinition<_snakepit_bridge_HeartbeatRequest, _snakepit_bridge_HeartbeatRequest__Output>
      HeartbeatResponse: MessageTypeDefinition<_snakepit_bridge_HeartbeatResponse, _snakepit_bridge_HeartbeatResponse__Output>
      InitializeSessionRequest: MessageTypeDefinition<_snakepit_bridge_InitializeSessionRequest, _snakepit_bridge_InitializeSessionRequest__Output>
      InitializeSessionResponse: MessageTypeDefinition<_snakepit_bridge_InitializeSessionResponse, _snakepit_bridge_InitializeSessionResponse__Output>
      OpenCall: MessageTypeDefinition<_snakepit_bridge_OpenCall, _snakepit_bridge_OpenCall__Output>
      ParameterSpec: MessageTypeDefinition<_snakepit_bridge_ParameterSpec, _snakepit_bridge_ParameterSpec__Output>
      Piece: MessageTypeDefinition<_snakepit_bridge_Piece, _snakepit_bridge_Piece__Output>
      PingRequest: MessageTypeDefinition<_snakepit_bridge_PingRequest, _snakepit_bridge_PingRequest__Output>
      PingResponse: MessageTypeDefinition<_snakepit_bridge_PingResponse, _snakepit_bridge_PingResponse__Output>
      RegisterToolsRequest: MessageTypeDefinition<_snakepit_bridge_RegisterToolsRequest, _snakepit_bridge_RegisterToolsRequest__Output>
      RegisterToolsResponse: MessageTypeDefinition<_snakepit_bridge_RegisterToolsResponse, _snakepit_bridge_RegisterToolsResponse__Output>
      SessionConfig: MessageTypeDefinition<_snakepit_bridge_SessionConfig, _snakepit_bridge_SessionConfig__Output>
      TelemetryControl: MessageTypeDefinition<_snakepit_bridge_TelemetryControl, _snakepit_bridge_TelemetryControl__Output>
      TelemetryEvent: MessageTypeDefinition<_snakepit_bridge_TelemetryEvent, _snakepit_bridge_TelemetryEvent__Output>
      TelemetryEventFilter: MessageTypeDefinition<_snakepit_bridge_TelemetryEventFilter, _snakepit_bridge_TelemetryEventFilter__Output>
      TelemetrySamplingUpdate: MessageTypeDefinition<_snakepit_bridge_TelemetrySamplingUpdate, _snakepit_bridge_TelemetrySamplingUpdate__Output>
      TelemetryToggle: MessageTypeDefinition<_snakepit_bridge_TelemetryToggle, _snakepit_bridge_TelemetryToggle__Output>
      TelemetryValue: MessageTypeDefinition<_snakepit_bridge_TelemetryValue, _snakepit_bridge_TelemetryValue__Output>
      ToolChunk: MessageTypeDefinition<_snakepit_bridge_ToolChunk, _snakepit_bridge_ToolChunk__Output>
      ToolRegistration: MessageTypeDefinition<_snakepit_bridge_ToolRegistration, _snakepit_bridge_ToolRegistration__Output>
      ToolSpec: MessageTypeDefinition<_snakepit_bridge_ToolSpec, _snakepit_bridge_ToolSpec__Output>
      Value: MessageTypeDefinition<_snakepit_bridge_Value, _snakepit_bridge_Value__Output>
      WorkerStatistics: MessageTypeDefinition<_snakepit_bridge_WorkerStatistics, _snakepit_bridge_WorkerStatistics__Output>
    }
  }
}

