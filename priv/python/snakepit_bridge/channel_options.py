"""What both ends of every channel agree on."""

from __future__ import annotations

MAX_MESSAGE_BYTES = 100 * 1024 * 1024
TOKEN_HEADER = "x-snakepit-token"
# What this worker can beside the original's contract; the runtime hears it when the worker is ready.
FEATURES = ("frames", "joined", "values")
CORRELATION_HEADER = "x-snakepit-correlation-id"

CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
)
