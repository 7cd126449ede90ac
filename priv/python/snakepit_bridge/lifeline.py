"""The silent lifeline: the kernel itself ends this worker's group when the runtime is gone.

Nobody ever writes on the lifeline. Its end-of-file raises SIGKILL for the whole group without any
help of ours: it works while C code holds the GIL, while the process is stopped, and while it
ignores every other signal. Imported and armed before anything else; keep the imports that few.
"""

from __future__ import annotations

import os
import sys

try:
    import fcntl
    import select
except ImportError:  # Windows: the job object of the runtime does this work there
    _CAN_ARM = False
else:
    # Only Linux lets a descriptor choose its signal.
    _CAN_ARM = sys.platform == "linux"

_SIGKILL = 9
# Linux, missing in the fcntl module.
_F_GETOWN_EX = 16
_F_OWNER_PGRP = 2


def leads_own_group() -> bool:
    """Whether killing the group hits nobody but us and our children."""
    return not hasattr(os, "getpgrp") or os.getpgrp() == os.getpid()


def arm(fd: int) -> bool:
    """Arms the lifeline; the caller has made sure that this process leads its group.

    Returns whether the kernel confirms it; False where it cannot be armed, and the end-of-file of
    the beat channel is the first layer then. Does not return if the runtime is already gone.
    Raises OSError when `fd` is not an open descriptor.
    """
    os.set_inheritable(fd, False)
    if not _CAN_ARM:
        return False
    try:
        _ask_kernel(fd)
        armed = _is_confirmed(fd)
    except OSError:  # an emulated kernel that lacks part of this
        armed = False
    if _is_hung_up(fd):
        os.killpg(0, _SIGKILL)  # it closed before we armed: no signal will ever come
    return armed


def _ask_kernel(fd: int) -> None:
    fcntl.fcntl(fd, fcntl.F_SETOWN, -os.getpgrp())  # negative: the whole process group
    fcntl.fcntl(fd, fcntl.F_SETSIG, _SIGKILL)
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_ASYNC | os.O_NONBLOCK)


def _is_confirmed(fd: int) -> bool:
    # F_GETOWN answers a negative number for a group, which Python takes for an error.
    owner = fcntl.fcntl(fd, _F_GETOWN_EX, bytes(8))
    kind = int.from_bytes(owner[:4], sys.byteorder)
    group = int.from_bytes(owner[4:], sys.byteorder)
    return (
        fcntl.fcntl(fd, fcntl.F_GETSIG) == _SIGKILL
        and kind == _F_OWNER_PGRP
        and group == os.getpgrp()
    )


def _is_hung_up(fd: int) -> bool:
    poller = select.poll()
    poller.register(fd, 0)
    return bool(poller.poll(0))
