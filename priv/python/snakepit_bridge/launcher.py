"""The launcher: starts one worker, and when it ends proves that no descendant of it is left.

    python -I -S …/snakepit_bridge/launcher.py subreaper|pidNamespace PROGRAM [ARGUMENT…]

It stands between the runtime and the worker for as long as the worker lives, and takes in every
descendant that is orphaned: daemons too, which left session, group and environment.

- `subreaper`: orphans become the launcher's own children. It ends them, reaps, and looks again until
  the kernel says that it has no child left (ECHILD).
- `pidNamespace`: the worker and all orphans are children of an init, which the launcher adds. When that
  init ends, the kernel ends everybody inside and lets it be reaped only when nobody is left. Nothing of
  this needs the launcher to be well: the kernel ends the init, too, when the launcher is killed.

What the runtime sees is the worker: its output, its beats, and at last its very exit status, for the
launcher ends in the same way. SIGTERM is passed on to the worker's group.

Who watches whom: the launcher polls the runtime's lifeline. The worker arms it, too, and a second one
(the *tether*) to the launcher, so that the kernel ends the worker's group when either of them is gone.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False  # typing's own constant would cost its import
if TYPE_CHECKING:
    from typing import NoReturn

_END_SECONDS = 2.0  # how long processes may take to die of SIGKILL
_WORKER_FIRST_SECONDS = 0.1  # the worker's end mostly is that of the others, too
_AGAIN_SECONDS = 0.5

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWPID = 0x20000000
_MS_NOSUID_NODEV_NOEXEC = 2 | 4 | 8
_MS_REC_SLAVE = 0x4000 | 0x80000

_libc = ctypes.CDLL(None, use_errno=True)


class LaunchError(Exception):
    """The worker cannot be started; `status` is how the launcher ends then."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def main(argv: list[str]) -> NoReturn:
    """Runs one worker to its end, and ends as it ended."""
    beat_fd = _number("SNAKEPIT_BEAT_FD")
    try:
        status = _launch(argv[1], argv[2:], beat_fd, _number("SNAKEPIT_LIFELINE_FD"))
    except LaunchError as error:
        _tell_failure(beat_fd, str(error))
        os._exit(error.status)
    _end_like(status)


class _Started:
    """Whom the launcher has started.

    `child` is its own child: the worker, or the init of the worker's namespace. `ended` then is where
    that init tells the worker's wait status. `worker` is 0 when it ended before it could be found.
    """

    def __init__(self, child: int, worker: int, ended: int | None = None) -> None:
        self.child = child
        self.worker = worker
        self.ended = ended


def _launch(mode: str, program: list[str], beat_fd: int | None, lifeline_fd: int | None) -> int:
    """The wait status of the worker, when nothing of it is left."""
    from snakepit_bridge import exit_codes

    if os.getpgrp() != os.getpid():
        raise LaunchError(
            f"the launcher does not lead its own process group: is {sys.executable} started through a wrapper? "
            "Name the interpreter itself in the pool's python option",
            exit_codes.MISCONFIGURED,
        )
    wakeup = _catch_signals()
    tether, tether_end = os.pipe()  # its writing end is held by the launcher alone
    namespace = mode == "pidNamespace"
    try:
        _prepare(namespace)
        if _is_runtime_gone(lifeline_fd):
            os._exit(exit_codes.OK)
        start = _start_in_namespace if namespace else _start
        started = start(program, beat_fd, tether)
    except OSError as error:
        raise LaunchError(f"{mode}: {error.strerror}", exit_codes.UNCONTAINED) from error
    if started.worker:
        _say(beat_fd, f'{{"type":"spawned","pid":{started.worker}}}')
    if beat_fd is not None:
        os.close(beat_fd)  # kept open it would hide the worker's end from the runtime
    _watch(started, lifeline_fd, wakeup)
    status = _end_all(started, wakeup)
    os.close(tether_end)
    return status


def _prepare(namespace: bool) -> None:
    """Has the kernel tell the runtime's death and give us the orphans."""
    if namespace:
        # With the launcher goes its init, with that everybody inside: no code of ours is needed.
        _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        return
    os.stat(f"/proc/{os.getpid()}/stat")  # else nobody could be found
    _call("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # A launcher that somebody stopped must wake to see that its runtime is gone.
    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGCONT, 0, 0, 0)


def _call(name: str, *arguments: object) -> None:
    """Calls a function of the C library. Raises OSError named after it."""
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _catch_signals() -> int:
    """Turns signals into bytes; returns the descriptor on which they arrive.

    Caught and not ignored: a program that is executed inherits what is ignored.
    """
    receiver, sender = os.pipe()
    os.set_blocking(receiver, False)
    os.set_blocking(sender, False)
    signal.set_wakeup_fd(sender, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    return receiver


def _is_runtime_gone(lifeline_fd: int | None) -> bool:
    told_parent = _number("SNAKEPIT_PARENT_PID")
    return (told_parent is not None and os.getppid() != told_parent) or (
        lifeline_fd is not None and bool(_poller(lifeline_fd).poll(0))
    )


def _start(program: list[str], beat_fd: int | None, tether: int) -> _Started:
    """Forks the worker; returns when it leads its own group and its program runs, or has failed to."""
    from snakepit_bridge import exit_codes

    executed, executing = os.pipe()
    parent = os.getpid()
    worker = os.fork()
    if worker == 0:
        signal.set_wakeup_fd(-1)
        os.setsid()
        _arm(tether)
        environment = {**os.environ, "SNAKEPIT_PARENT_PID": str(parent)}
        try:
            os.execvpe(program[0], program, environment)
        except OSError as error:
            _tell_failure(beat_fd, f"cannot run {program[0]}: {error.strerror}")
        os._exit(exit_codes.UNAVAILABLE)
    os.close(executing)
    os.read(executed, 1)  # nobody writes: the end comes with the exec
    os.close(executed)
    return _Started(child=worker, worker=worker)


def _arm(tether: int) -> None:
    from snakepit_bridge import lifeline

    lifeline.arm(tether)
    os.set_inheritable(tether, True)  # into the worker; its children close it as any other


def _watch(started: _Started, lifeline_fd: int | None, wakeup: int) -> None:
    """Waits until the worker has ended, while our child stays unreaped, or the runtime is gone."""
    poller = _poller() if lifeline_fd is None else _poller(lifeline_fd)
    for fd in (wakeup, started.ended):
        if fd is not None:
            poller.register(fd, select.POLLIN)
    while True:
        events = dict(poller.poll())
        received = _drain(wakeup)
        if lifeline_fd in events or started.ended in events or _reap_others(started.child):
            return
        if signal.SIGTERM in received:
            _ask(started)


def _ask(started: _Started) -> None:
    """Passes SIGTERM on. Our child is not reaped yet, so its number is nobody else's."""
    if started.ended is not None:
        os.kill(started.child, signal.SIGTERM)  # the init knows the worker
        return
    try:
        os.killpg(started.worker, signal.SIGTERM)
        os.killpg(started.worker, signal.SIGCONT)  # a stopped one has to wake for it
    except ProcessLookupError:
        return  # the init has reaped it in this moment


def _reap_others(child: int) -> bool:
    """Reaps whoever was taken in and ended; whether our own child has ended, which stays unreaped."""
    while True:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return False
        if ended.si_pid == child:
            return True
        os.waitpid(ended.si_pid, 0)


def _end_all(started: _Started, wakeup: int) -> int:
    """Ends and reaps everybody, until there is nobody; returns the worker's wait status."""
    ended: dict[int, int] = {}
    deadline = time.monotonic() + _END_SECONDS
    if started.ended is None:
        os.killpg(started.worker, signal.SIGKILL)  # not reaped yet, so the number is the worker's
    os.kill(started.child, signal.SIGKILL)
    patience = _WORKER_FIRST_SECONDS
    while not _reap_all(ended):
        left = deadline - time.monotonic()
        if left <= 0:
            _say(2, "snakepit: processes do not die of SIGKILL; the launcher waits no longer")
            break
        if started.child in ended or patience > _WORKER_FIRST_SECONDS:
            _kill_children()
        select.select([wakeup], [], [], min(patience, left))
        _drain(wakeup)
        patience = _AGAIN_SECONDS
    if started.ended is None:
        return ended.get(started.worker, signal.SIGKILL)
    told = os.read(started.ended, 16)
    return int(told) if told else signal.SIGKILL  # it went with its init


def _reap_all(ended: dict[int, int]) -> bool:
    """Notes the wait status of everybody who has ended; whether nobody is left."""
    try:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return False
            ended[pid] = status
    except ChildProcessError:
        return True


def _kill_children() -> None:
    """Ends the children, whose numbers nobody else can have: they are not reaped yet. *Their*
    children become ours with that, and have their turn in the next round."""
    for pid in _children_of(os.getpid()):
        try:
            os.kill(pid, signal.SIGKILL)
        except PermissionError:
            continue  # more privileged than we are


def _children_of(parent: int) -> list[int]:
    names = (name for name in os.listdir("/proc") if name.isdigit())
    return [int(name) for name in names if _parent_of(name) == parent]


def _parent_of(name: str) -> int:
    try:
        with open(f"/proc/{name}/stat", "rb") as file:
            stat = file.read()
    except OSError:  # gone between listing and reading
        return 0
    return int(stat[stat.rindex(b")") + 2 :].split()[1])


def _start_in_namespace(program: list[str], beat_fd: int | None, tether: int) -> _Started:
    """Starts the worker in a pid namespace of its own, below an init that this process is the parent of."""
    _unshare()
    told, telling = os.pipe()
    ended, ending = os.pipe()
    init = os.fork()
    if init == 0:
        _be_init(program, beat_fd, tether, telling, ending)
    os.close(telling)
    os.close(ending)
    answer = os.read(told, 1024).decode()
    os.close(told)
    if not answer.isdigit():
        raise OSError(errno.EPERM, answer or "its init ended")
    return _Started(child=init, worker=_outer_pid(init, answer), ended=ended)


def _outer_pid(init: int, inner_pid: str) -> int:
    """The number by which we know a child of the init; 0 when it has ended already."""
    for pid in _children_of(init):
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
        _call("unshare", _CLONE_NEWPID)
    except PermissionError:
        # Without privileges it takes a user namespace, in which we are who we were.
        user, group = os.geteuid(), os.getegid()
        _call("unshare", _CLONE_NEWPID | _CLONE_NEWUSER)
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
        _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if _poller(tether).poll(0):
            os._exit(0)  # too late for that
        signal.set_wakeup_fd(-1)
        os.setsid()  # what the runtime sends to the launcher's group is passed on by the launcher
        # What is mounted inside stays inside; what is mounted outside is seen inside, too.
        _call("unshare", _CLONE_NEWNS)
        _call("mount", b"none", b"/", None, _MS_REC_SLAVE, None)
        _call("mount", b"proc", b"/proc", b"proc", _MS_NOSUID_NODEV_NOEXEC, None)
        started = _start(program, beat_fd, tether)
        signal.signal(signal.SIGTERM, lambda _number, _frame: _ask(started))
        os.write(telling, str(started.worker).encode())
    except OSError as error:
        os.write(telling, str(error.strerror).encode())
        os._exit(0)
    os.close(telling)
    if beat_fd is not None:
        os.close(beat_fd)
    while True:
        pid, status = os.wait()
        if pid == started.worker:
            os.write(ending, str(status).encode())
            os._exit(0)


def _end_like(status: int) -> NoReturn:
    """Ends this process in the way in which another one has ended."""
    if os.WIFEXITED(status):
        os._exit(os.WEXITSTATUS(status))
    number = os.WTERMSIG(status)
    _call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)  # one memory image of the crash is enough
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # a signal that is deadly to others only


def _poller(*fds: int) -> select.poll:
    """Waits for the other end to close; nothing else is asked."""
    poller = select.poll()
    for fd in fds:
        poller.register(fd, 0)
    return poller


def _drain(wakeup: int) -> bytes:
    """The numbers of the signals that came."""
    try:
        return os.read(wakeup, 4096)
    except BlockingIOError:
        return b""


def _number(name: str) -> int | None:
    text = os.environ.get(name, "")
    return int(text) if text.isdigit() else None


def _tell_failure(beat_fd: int | None, text: str) -> None:
    """Says why the worker does not start, on the beat channel and on stderr."""
    import json

    message = {"type": "failed", "code": "ENVIRONMENT", "message": text, "traceback": None}
    _say(beat_fd, json.dumps(message))
    _say(2, f"snakepit: {text}")


def _say(fd: int | None, line: str) -> None:
    if fd is None:
        return
    try:
        os.write(fd, line.encode() + b"\n")
    except OSError:
        return  # nobody listens; the status says it


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    main(sys.argv)
