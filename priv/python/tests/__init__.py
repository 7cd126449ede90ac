"""Tests of the workers, from the runtime's side."""

import os

# Before gRPC is loaded: this process calls it in threads and starts others, which its handlers break
# where Python starts them by a plain fork (3.9).
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
