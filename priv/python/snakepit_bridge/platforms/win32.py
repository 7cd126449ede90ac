"""Windows: a job of our own ends the children, and the parent's handle tells of its end.

Verified with faked system calls only: no test here runs on Windows itself. What is relied upon is
documented by Microsoft; the jobs for Windows of the project's CI are where it runs for real.
"""

from __future__ import annotations

import ctypes
import os
import time
from typing import Any

from .parent_thread import start_parent_thread

DEATH_SIGNAL = None

_JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE = 0x2000
_JOB_OBJECT_EXTENDED_LIMIT_INFORMATION = 9
_PROCESS_QUERY_LIMITED_INFORMATION = 0x1000
_SYNCHRONIZE = 0x0010_0000
_ERROR_INVALID_PARAMETER = 87
_INFINITE = 0xFFFF_FFFF
_WAIT_OBJECT_0 = 0
_POLL_SECONDS = 0.02


class _BasicLimits(ctypes.Structure):
    _fields_ = (
        ("per_process_user_time_limit", ctypes.c_int64),
        ("per_job_user_time_limit", ctypes.c_int64),
        ("limit_flags", ctypes.c_uint32),
        ("minimum_working_set_size", ctypes.c_size_t),
        ("maximum_working_set_size", ctypes.c_size_t),
        ("active_process_limit", ctypes.c_uint32),
        ("affinity", ctypes.c_size_t),
        ("priority_class", ctypes.c_uint32),
        ("scheduling_class", ctypes.c_uint32),
    )


class JobLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (
        ("basic", _BasicLimits),
        ("io_counters", ctypes.c_uint64 * 6),
        ("process_memory_limit", ctypes.c_size_t),
        ("job_memory_limit", ctypes.c_size_t),
        ("peak_process_memory_used", ctypes.c_size_t),
        ("peak_job_memory_used", ctypes.c_size_t),
    )


def take_precautions(kernel32: Any = None) -> None:
    """Puts this process into a job that ends with its last handle, which nobody but this process
    has: children end with it, however it ends. The runtime's own job does not hold them, because
    it lets grandchildren break away."""
    kernel = kernel32 or load_kernel32()
    job = kernel.CreateJobObjectW(None, None)
    limits = JobLimits()
    limits.basic.limit_flags = _JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
    done = (
        job
        and kernel.SetInformationJobObject(
            job,
            _JOB_OBJECT_EXTENDED_LIMIT_INFORMATION,
            ctypes.byref(limits),
            ctypes.sizeof(limits),
        )
        and kernel.AssignProcessToJobObject(job, kernel.GetCurrentProcess())
    )
    # The handle stays open on purpose. Closing it would end us.
    if not done:
        raise _failure(kernel, "the job of this worker")


def is_loaded() -> bool:
    """Always."""
    return True


def load() -> None:
    """ctypes is loaded with this module."""


def arm(parent: int) -> None:
    """Watches in a thread of its own."""
    start_parent_thread(wait_for_end, parent)


def wait_for_end(parent: int, kernel32: Any = None) -> None:
    """Sleeps on the handle of the process. One that was created after this one has only inherited
    the parent's number."""
    kernel = kernel32 or load_kernel32()
    access = _SYNCHRONIZE | _PROCESS_QUERY_LIMITED_INFORMATION
    handle = kernel.OpenProcess(access, False, parent)
    if not handle:
        if kernel.GetLastError() == _ERROR_INVALID_PARAMETER:
            return  # nobody has this number
        raise _failure(kernel, f"the parent process {parent}")
    try:
        if _created(kernel, handle) > _created(kernel, kernel.GetCurrentProcess()):
            return
        if kernel.WaitForSingleObject(handle, _INFINITE) != _WAIT_OBJECT_0:
            raise _failure(kernel, f"waiting for the parent process {parent}")
    finally:
        kernel.CloseHandle(handle)


def wait_readable(fd: int, peek: Any = None) -> None:
    """Returns when a pipe can be read or is broken.

    A blocking read would hold up every write to the same pipe, from whatever thread: Windows does
    one after the other. So it is asked what there is, fifty times a second.
    """
    look = peek or _make_peek(fd)
    while True:
        try:
            if look() > 0:
                return
        except OSError:
            return  # the read will say what is wrong
        time.sleep(_POLL_SECONDS)


def _make_peek(fd: int) -> Any:
    import _winapi
    import msvcrt

    windows: Any = _winapi
    handle = getattr(msvcrt, "get_osfhandle")(fd)  # noqa: B009
    return lambda: windows.PeekNamedPipe(handle, 0)[0]


def load_kernel32() -> Any:
    """The system's library, with handles as wide as they are."""
    kernel: Any = getattr(ctypes, "WinDLL")("kernel32", use_last_error=True)  # noqa: B009
    # The real one would tell of what the interpreter called in between.
    kernel.GetLastError = getattr(ctypes, "get_last_error")  # noqa: B009
    handle = ctypes.c_void_p
    kernel.CreateJobObjectW.restype = handle
    kernel.CreateJobObjectW.argtypes = [handle, ctypes.c_wchar_p]
    kernel.SetInformationJobObject.argtypes = [handle, ctypes.c_int, handle, ctypes.c_uint32]
    kernel.AssignProcessToJobObject.argtypes = [handle, handle]
    kernel.GetCurrentProcess.restype = handle
    kernel.OpenProcess.restype = handle
    kernel.OpenProcess.argtypes = [ctypes.c_uint32, ctypes.c_int, ctypes.c_uint32]
    kernel.GetProcessTimes.argtypes = [handle] * 5
    kernel.WaitForSingleObject.restype = ctypes.c_uint32
    kernel.WaitForSingleObject.argtypes = [handle, ctypes.c_uint32]
    kernel.CloseHandle.argtypes = [handle]
    return kernel


def _created(kernel: Any, process: Any) -> int:
    """When a process was created, in units of 100 ns."""
    created, *others = (ctypes.c_uint64() for _ in range(4))
    times = [ctypes.byref(time_) for time_ in (created, *others)]
    if not kernel.GetProcessTimes(process, *times):
        raise _failure(kernel, "the creation time of a process")
    return created.value


def _failure(kernel: Any, what: str) -> OSError:
    return OSError(f"{what}: Windows error {kernel.GetLastError()}, process {os.getpid()}")
