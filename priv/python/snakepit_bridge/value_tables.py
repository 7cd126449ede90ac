"""Tables of pandas and pyarrow, as Arrow IPC streams. Neither is imported before there is one."""

from __future__ import annotations

from typing import Any

from .value_markers import Buffer, ValueFaultError


def read_table(value: Any) -> Buffer | None:
    """The IPC stream of a table; None when pyarrow is not installed. Raises ValueFaultError."""
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError:
        return None
    try:
        table = _as_table(value, pyarrow)
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write(table)
    except (pyarrow.ArrowException, TypeError, ValueError) as error:
        raise ValueFaultError(f"is a table that Arrow cannot express: {error}") from error
    # Nobody else has it.
    return memoryview(sink.getvalue())


def _as_table(value: Any, pyarrow: Any) -> Any:
    if type(value).__module__.startswith("pyarrow"):
        return value
    frame = value if hasattr(value, "columns") else value.to_frame()
    return pyarrow.Table.from_pandas(frame)


def make_table(data: Buffer) -> object:
    """The pyarrow Table of an IPC stream. Raises ValueFaultError."""
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError as error:
        problem = "is a table: install pyarrow in the environment, or pass its bytes"
        raise ValueFaultError(problem) from error
    try:
        with pyarrow.ipc.open_stream(pyarrow.py_buffer(data)) as reader:
            return reader.read_all()
    except (pyarrow.ArrowException, ValueError, OSError) as error:
        raise ValueFaultError(f"is no Arrow IPC stream: {error}") from error
