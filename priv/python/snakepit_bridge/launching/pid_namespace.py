"""Starting one worker in a pid namespace of its own, at whose end the kernel ends everybody inside.

The worker is a child of the namespace's init, not of the launcher. A launcher that is killed would
leave its child to a reaper outside, which may take its time, and until then the namespace lives on.
"""

from __future__ import annotations

import errno
import os
import signal

from .family import children_of
from .kernel import PR_SET_PDEATHSIG, call, make_poller
from .reporting import close_worker_ends
from .start import Started, ask, start

TYPE_CHECKING = False  # typing's own constant would cost its import
if TYPE_CHECKING:
    from typing import NoReturn


_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWPID = 0x20000000
_MS_NOSUID_NODEV_NOEXEC = 2 | 4 | 8
_MS_REC_SLAVE = 0x4000 | 0x80000


def start_in_namespace(
    program: list[str], beat_fd: int | None, tether: int, tether_end: int
) -> Started:
    """Starts the worker in a pid namespace of its own, below an init that this process is the parent of."""
    _unshare()
    told, telling = os.pipe()
    ended, ending = os.pipe()
    init = os.fork()
    if init == 0:
        os.close(tether_end)  # the launcher's alone, or its end would not be seen
        _be_init(program, beat_fd, tether, telling, ending)
    os.close(telling)
    os.close(ending)
    answer = os.read(told, 1024).decode()
    os.close(told)
    if not answer.isdigit():
        raise OSError(errno.EPERM, answer or "its init ended")
    return Started(child=init, worker=_outer_pid(init, answer), ended=ended)


def _outer_pid(init: int, inner_pid: str) -> int:
    """The number by which we know a child of the init; 0 when it has ended already."""
    for pid in children_of(init):
        try:
            with open(f"/proc/{pid}/status") as file:
                numbers = [line.split() for line in file if line.startswith("NSpid:")]
        except OSError:
            continue  # it ended
        if numbers and numbers[0][-1] == inner_pid:
            return pid
    return 0


def _unshare() -> None:
    """Lets further children live in a pid namespace of their own."""
    try:
        call("unshare", _CLONE_NEWPID)
    except PermissionError:
        # Without privileges it takes a user namespace, in which we are who we were.
        user, group = os.geteuid(), os.getegid()
        call("unshare", _CLONE_NEWPID | _CLONE_NEWUSER)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)


def _be_init(
    program: list[str], beat_fd: int | None, tether: int, telling: int, ending: int
) -> NoReturn:
    """The first process of the namespace: starts the worker, takes in orphans, tells how the worker
    ended, and ends with it or with the launcher. With its end the kernel ends everybody."""
    try:
        call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if make_poller(tether).poll(0):
            os._exit(0)  # too late for that
        signal.set_wakeup_fd(-1)
        os.setsid()  # what the runtime sends to the launcher's group is passed on by the launcher
        # What is mounted inside stays inside; what is mounted outside is seen inside, too.
        call("unshare", _CLONE_NEWNS)
        call("mount", b"none", b"/", None, _MS_REC_SLAVE, None)
        call("mount", b"proc", b"/proc", b"proc", _MS_NOSUID_NODEV_NOEXEC, None)
        started = start(program, beat_fd, tether)
        signal.signal(signal.SIGTERM, lambda _number, _frame: ask(started))
        os.write(telling, str(started.worker).encode())
    except OSError as error:
        os.write(telling, str(error.strerror).encode())
        os._exit(0)
    os.close(telling)
    close_worker_ends(beat_fd)
    while True:
        pid, status = os.wait()
        if pid == started.worker:
            os.write(ending, str(status).encode())
            os._exit(0)
