"""Dying without leaving children behind.

A worker leads its own process group. Whoever ends a worker from inside takes the group along,
because nobody else may be left to do it.
"""

from __future__ import annotations

import atexit
import contextlib
import os

TYPE_CHECKING = False  # typing's own constant would cost its import
if TYPE_CHECKING:
    from typing import NoReturn

_SIGKILL = 9
_ROUNDS = 3  # a member may fork while we look

# How long children may hold up the end of Python, which waits for them, and when it ends anyway.
# Both fit between the end of a drain and the runtime's SIGKILL.
CHILDREN_SECONDS = 0.4
EXIT_SECONDS = 2.5
# How long Python may take to free what is left when all exit handlers are through.
TEARDOWN_SECONDS = 2.0


def die_with_group(code: int) -> NoReturn:
    """Ends every other member of the own group with SIGKILL, then this process with `code`.

    Safe in any thread and in a signal handler. Runs no `atexit` and no `finally`. A process that
    does not lead its group kills nobody: the others are not its children.
    """
    try:
        end_children()
    finally:
        os._exit(code)


def take_group_along_at_exit() -> None:
    """An orderly end, too, ends every other member of the own group, after all other exit handlers.

    The runtime does that as well, unless it ends in the same moment; and by then this process's end
    has disarmed the lifeline. Call it first: exit handlers run in reverse. Forks do not inherit it.
    """
    worker = os.getpid()

    def end_others() -> None:
        if os.getpid() == worker:
            end_children()
            _limit_teardown()

    atexit.register(end_others)


def limit_exit(status: int) -> None:
    """To be called when the work is done: from here on nothing holds this process for long.

    Python's exit waits for threads, for exit handlers, and for whom these wait: `multiprocessing`
    for every child that is no daemon. Children that hold it up are ended, as they would be at its
    end; what still holds it then is cut short, with `status`.
    """
    import threading

    threading.Thread(target=_cut_exit, args=[status], name="snakepit-exit", daemon=True).start()


def _cut_exit(status: int) -> None:
    import time

    time.sleep(CHILDREN_SECONDS)
    end_children()
    time.sleep(EXIT_SECONDS - CHILDREN_SECONDS)
    die_with_group(status)


def leave(status: int) -> None:
    """Ends this process as Python does: threads that are no daemons, exit handlers, output.

    Only its objects are left to the kernel, which frees them at once. To free them one by one is
    most of the work of an end, tens of milliseconds for each of a thousand workers, and runs code of
    libraries below threads that still run. Returns where there is no such end.
    """
    import sys
    import threading

    if os.name != "posix":
        return
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    # What C code has printed; where nobody has loaded this, nobody can have waited for it either.
    ctypes = sys.modules.get("ctypes")
    if ctypes is not None:
        ctypes.CDLL(None).fflush(None)
    os._exit(status)


def _limit_teardown() -> None:
    """No thread of Python runs any more when it frees its objects, which may hang in the code of
    others. So it is the kernel that has the last word."""
    import signal

    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, TEARDOWN_SECONDS)


def end_children() -> None:
    """Ends every other member of the own group with SIGKILL; of a group that is another's, nobody."""
    if hasattr(os, "getpgrp") and os.getpgrp() == os.getpid() and may_have_descendants():
        _kill_others()


def may_have_descendants() -> bool:
    """Whether this process has, or had, a child: who never had one has nobody in a group of its own.

    Looking at all processes takes each of a thousand workers that end together as long as there are
    processes.
    """
    if not hasattr(os, "waitid"):
        return True
    import resource
    import signal

    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        past = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Children whose ends nobody wants to hear of are not counted.
        return past.ru_minflt > 0 or signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN
    return True


def _kill_others() -> None:
    for _ in range(_ROUNDS):
        try:
            others = list_other_members()
        except Exception:  # noqa: BLE001 - memory or stack may have run out: here is no way back
            # Nobody can be told apart, so all go, this process included.
            os.killpg(0, _SIGKILL)
            return
        if not others:
            return
        for pid in others:
            try:
                os.kill(pid, _SIGKILL)
            except OSError:
                # It died by itself, or belongs to somebody more privileged.
                continue


def list_other_members() -> list[int]:
    """Pids of the living members of the own group, without this process.

    Raises OSError or ValueError when the system does not tell.
    """
    group, me = os.getpgrp(), os.getpid()
    table = _read_proc() if os.path.isdir("/proc/self") else _read_ps()
    if (me, group) not in ((pid, pgid) for pid, pgid, _ in table):
        # A /proc of another pid namespace: its numbers mean other processes.
        raise OSError("the list of processes does not contain this one")
    return [pid for pid, pgid, state in table if pgid == group and pid != me and state not in "ZX"]


def _read_proc() -> list[tuple[int, int, str]]:
    table = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = parse_stat(file.read())
        except OSError:
            continue  # gone between listing and reading
        table.append((int(name), int(fields[2]), fields[0]))
    return table


def parse_stat(stat: bytes) -> list[str]:
    """The fields of /proc/PID/stat from the state (field 3) on; a name may contain ") S 1 (x"."""
    return stat[stat.rindex(b")") + 2 :].decode("ascii").split()


def _read_ps() -> list[tuple[int, int, str]]:
    import subprocess

    text = subprocess.run(
        ["ps", "-axo", "pid=,pgid=,stat="], check=True, capture_output=True, text=True
    ).stdout
    rows = [line.split() for line in text.splitlines()]
    return [(int(row[0]), int(row[1]), row[2][0]) for row in rows if len(row) >= 3]


def read_start_time(process: int | str = "self") -> str:
    """Field 22 of /proc/PID/stat, clock ticks since boot: with the pid it names this process
    for ever. Empty where the system has no /proc."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            return parse_stat(file.read())[19]
    except OSError:
        return ""
