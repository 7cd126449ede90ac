"""The launcher from the runtime's side: it looks like the worker, and leaves nothing of it."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .harness import LIMIT_SECONDS, PACKAGE_DIR, is_alive, wait_until, worker_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Launch = Callable[..., "Launched"]

LAUNCHER = PACKAGE_DIR / "snakepit_bridge" / "launcher.py"
PYTHON = [sys.executable, "-I", "-S"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")


@functools.cache
def readable_copy() -> Path:
    """The launcher where every user may read it; ours may be in a directory that is ours alone."""
    directory = Path(tempfile.mkdtemp(dir="/var/tmp"))
    atexit.register(shutil.rmtree, directory)
    directory.chmod(0o755)
    package = directory / "snakepit_bridge"
    shutil.copytree(LAUNCHER.parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    for path in [package, *package.rglob("*")]:
        path.chmod(0o755)
    return package / LAUNCHER.name


def launcher_for(user: int | None) -> Path:
    """The launcher for a user."""
    return LAUNCHER if user is None else readable_copy()


def python_for(user: int | None) -> list[str]:
    """An interpreter that a user may run; ours may be in a directory that is ours alone."""
    return PYTHON if user is None else [shutil.which("python3", path="/usr/bin") or "", *PYTHON[1:]]


class Launched:
    """A launcher, the runtime's ends of its descriptors, and what its worker says."""

    def __init__(
        self, mode: str, program: list[str], user: int | None = None, **environment: str
    ) -> None:
        self.beat, child_beat = socket.socketpair()
        self.lifeline, child_lifeline = socket.socketpair()
        env = {
            "SNAKEPIT_BEAT_FD": str(child_beat.fileno()),
            "SNAKEPIT_LIFELINE_FD": str(child_lifeline.fileno()),
            "SNAKEPIT_PARENT_PID": str(os.getpid()),
            **environment,
        }
        self.process = subprocess.Popen(
            [*python_for(user), str(launcher_for(user)), mode, *program],
            env=worker_environment(**env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=[child_beat.fileno(), child_lifeline.fileno()],
            start_new_session=True,
            cwd=None if user is None else "/",
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        child_beat.close()
        child_lifeline.close()
        self.beat.settimeout(LIMIT_SECONDS)

    def message(self) -> dict[str, Any]:
        """What it says on the beat channel: one message."""
        message: dict[str, Any] = json.loads(self.beat.makefile().readline())
        return message

    def line(self) -> str:
        """The next line that the worker prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def wait(self) -> int:
        """The exit status; negative for a signal."""
        return self.process.wait(LIMIT_SECONDS)

    def close(self) -> None:
        """Ends it and its worker, which goes with the lifeline."""
        self.beat.close()
        self.lifeline.close()
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.communicate(timeout=LIMIT_SECONDS)
        finally:
            self.process.kill()


@pytest.fixture(params=["subreaper", "pidNamespace"])
def mode(request: pytest.FixtureRequest) -> str:
    """What contains the worker; the second only where the kernel lets us."""
    name: str = request.param
    if name == "pidNamespace" and not namespaces_are_allowed():
        pytest.skip("pid namespaces are not allowed here")
    return name


def namespaces_are_allowed() -> bool:
    """Asked of another program: were it ours, its faults would look like a refusal."""
    plain = ["unshare", "--pid", "--fork", "--mount-proc", "true"]
    unprivileged = [*plain[:1], "--user", "--map-root-user", *plain[1:]]
    tries = (subprocess.run(one, check=False, capture_output=True) for one in (plain, unprivileged))
    return any(ended.returncode == 0 for ended in tries)


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Starts launchers: `launch('subreaper', 'print(1)')`, or with a whole command as a list."""
    started: list[Launched] = []

    def start(
        mode: str, program: str | list[str], user: int | None = None, **environment: str
    ) -> Launched:
        run = [*python_for(user), "-u", "-c"]
        command = [*run, program] if isinstance(program, str) else program
        launched = Launched(mode, command, user, **environment)
        started.append(launched)
        return launched

    try:
        yield start
    finally:
        for launched in started:
            launched.close()


@pytest.fixture
def unique() -> Iterator[str]:
    """An argument for `sleep` that nobody else uses; who has it at the end is ended."""
    text = f"100000.{uuid.uuid4().int}"
    try:
        yield text
    finally:
        for pid in sleepers(text):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def sleepers(unique: str) -> list[int]:
    """Who sleeps so long, whatever else is known of them."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (entry / "cmdline").read_bytes().startswith(b"sleep\0" + unique.encode()):
                    found.append(int(entry.name))
    return [pid for pid in found if is_alive(pid)]


def family(unique: str, then: str) -> str:
    """A program with a child, a daemon, and a daemon of a daemon, both without environment, and what
    it does when they are there and it is told to go on by SIGUSR1."""
    return f"""
import os, signal, subprocess, sys, time
subprocess.Popen(["sleep", "{unique}"])
for script in ("exec sleep {unique}", "setsid sleep {unique} & exec sleep {unique}"):
    if os.fork() == 0:
        os.setsid()
        subprocess.Popen(["sh", "-c", script], env={{}}, stdin=0, stdout=2)
        os._exit(0)
    os.wait()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
print("complete", flush=True)
signal.sigwait([signal.SIGUSR1])
{then}
"""


FAMILY_SIZE = 4
FOR_EVER = ""  # nobody tells it to go on


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("", 0),
        ("raise SystemExit(7)", 7),
        ("import os; os._exit(255)", 255),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL),
        ("import os; os.kill(os.getpid(), 15)", -signal.SIGTERM),
        ("import os; os.abort()", -signal.SIGABRT),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
    ],
)
def test_exact_status(launch: Launch, mode: str, program: str, status: int) -> None:
    """[I4.1] The launcher ends as its worker ended: the same code or the same signal."""
    assert launch(mode, program).wait() == status


def test_no_second_core_dump(
    launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[I4.1] The launcher of a worker that crashed writes no memory image of its own."""
    allowed = resource.getrlimit(resource.RLIMIT_CORE)
    if allowed[1] == 0:
        pytest.skip("no memory images here at all")
    monkeypatch.chdir(tmp_path)
    resource.setrlimit(resource.RLIMIT_CORE, (allowed[1], allowed[1]))
    try:
        crash = [*PYTHON, "-c", "import os; os.abort()"]
        launched = launch("subreaper", ["prlimit", "--core=0", *crash])
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, allowed)
    _, status = os.waitpid(launched.process.pid, 0)
    assert os.WTERMSIG(status) == signal.SIGABRT
    assert not os.WCOREDUMP(status)


def test_worker_finds_itself_as_usual(launch: Launch, mode: str) -> None:
    """[R3.3] [T2.2] The worker leads a session and a group of its own, knows its parent, and has the
    descriptors of beats and lifeline."""
    launched = launch(
        mode,
        "import os\n"
        "led = os.getpid() == os.getpgrp() == os.getsid(0)\n"
        "known = os.getppid() in (0, int(os.environ['SNAKEPIT_PARENT_PID']))\n"
        "kinds = [os.fstat(int(os.environ[f'SNAKEPIT_{name}_FD'])).st_mode >> 12 for name in ('BEAT', 'LIFELINE')]\n"
        "print(led, known, kinds, os.readlink('/proc/self') == str(os.getpid()))",
    )
    assert launched.line() == "True True [12, 12] True"  # 12: sockets


def test_tells_the_number_of_the_worker(launch: Launch, mode: str) -> None:
    """[I4.1] The runtime is told which process is the worker, as it sees it itself."""
    launched = launch(mode, ["sleep", "1000"])
    message = launched.message()
    assert message["type"] == "spawned"
    command = Path(f"/proc/{message['pid']}/comm")
    wait_until(lambda: command.read_text() == "sleep\n", "the worker's program runs")
    ancestors = [parent_of(message["pid"]), parent_of(parent_of(message["pid"]))]
    assert launched.process.pid == ancestors[0 if mode == "subreaper" else 1]


def test_passes_sigterm_on(launch: Launch, mode: str) -> None:
    """[R3.2] [I4.4] SIGTERM for the launcher is one for the worker, even if that is stopped, and its init."""
    launched = launch(
        mode,
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n"
        "print('armed', flush=True)\n"
        "time.sleep(1000)",
    )
    worker = launched.message()["pid"]
    assert launched.line() == "armed"
    os.kill(worker, signal.SIGSTOP)
    if parent_of(worker) != launched.process.pid:
        os.kill(parent_of(worker), signal.SIGSTOP)
    os.kill(launched.process.pid, signal.SIGTERM)
    assert launched.wait() == 3


def test_passes_one_sigterm_on(launch: Launch, mode: str) -> None:
    """[I4.4] The runtime signals the launcher's whole group; the worker gets that once."""
    launched = launch(
        mode,
        "import signal, sys, time\n"
        "times = []\n"
        "signal.signal(signal.SIGTERM, lambda *_: times.append(1))\n"
        "print('armed', flush=True)\n"
        "while not times: time.sleep(0.01)\n"
        "time.sleep(0.3)\n"
        "sys.exit(len(times))",
    )
    assert launched.line() == "armed"
    os.killpg(launched.process.pid, signal.SIGTERM)
    assert launched.wait() == 1


def test_worker_inherits_no_handling_of_signals(launch: Launch, mode: str) -> None:
    """[I4.1] What the launcher does with signals is not handed on: SIGTERM ends a plain program."""
    launched = launch(mode, "import time; print('up', flush=True); time.sleep(1000)")
    assert launched.line() == "up"
    os.kill(launched.process.pid, signal.SIGTERM)
    assert launched.wait() == -signal.SIGTERM


def test_worker_inherits_no_ignored_signal(launch: Launch, mode: str) -> None:
    """[I4.1] Python ignores some signals for itself, which a program would inherit: a `yes | head` of an
    interpreter behind a shell script would go on for ever."""
    launched = launch(mode, ["sh", "-c", "grep -E 'SigIgn|SigBlk' /proc/self/status"])
    assert [launched.line().split()[1] for _ in range(2)] == ["0" * 16] * 2


def descriptors(pid: int) -> list[tuple[int, str, int]]:
    """Number, target and flags of what a process has open; not of what it closes meanwhile."""
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            target = os.readlink(f"/proc/{pid}/fd/{name}")
            flags = Path(f"/proc/{pid}/fdinfo/{name}").read_text().split()[3]
            found.append((int(name), target, int(flags, 8)))
    return found


def test_only_the_launcher_holds_the_tether(launch: Launch, mode: str) -> None:
    """[I4.1] [WH-9] The tether closes with the launcher: nobody it started has a copy of its end."""
    launched = launch(mode, ["sleep", "1000"])
    worker = launched.message()["pid"]
    command = Path(f"/proc/{worker}/comm")
    wait_until(lambda: command.read_text() == "sleep\n", "the worker's program runs")
    pipes = {
        target
        for number, target, _ in descriptors(worker)
        if target.startswith("pipe:") and number > 2
    }
    assert len(pipes) == 1  # the worker's end
    writers = {
        pid
        for pid in (launched.process.pid, parent_of(worker), worker)
        for _, target, flags in descriptors(pid)
        if target in pipes and flags & os.O_ACCMODE == os.O_WRONLY
    }
    assert writers == {launched.process.pid}


@pytest.mark.parametrize(
    ("then", "status"), [("sys.exit(5)", 5), ("os.kill(os.getpid(), 9)", -9)], ids=["exit", "kill"]
)
def test_end_of_the_worker_ends_everybody(
    launch: Launch, mode: str, unique: str, then: str, status: int
) -> None:
    """[I4.1] [I4.2] [R3.3] When the launcher has ended nobody is left: no child, no daemon, none without
    environment."""
    launched = launch(mode, family(unique, then))
    worker = launched.message()["pid"]
    assert launched.line() == "complete"
    wait_until(lambda: len(sleepers(unique)) == FAMILY_SIZE, "the family is complete")
    os.kill(worker, signal.SIGUSR1)
    assert launched.wait() == status
    assert sleepers(unique) == []


@pytest.mark.parametrize("stopped", ["nobody", "worker", "launcher"])
def test_end_of_the_runtime_ends_everybody(
    launch: Launch, mode: str, unique: str, stopped: str
) -> None:
    """[I4.1] [R1.1] [R1.3] The end of the lifeline ends everybody; a launcher that was stopped, as soon as
    it is continued."""
    launched = launch(mode, family(unique, FOR_EVER))
    worker = launched.message()["pid"]
    assert launched.line() == "complete"
    wait_until(lambda: len(sleepers(unique)) == FAMILY_SIZE, "the family is complete")
    target = {"worker": worker, "launcher": launched.process.pid}.get(stopped)
    if target is not None:
        os.kill(target, signal.SIGSTOP)
    launched.lifeline.close()
    if stopped == "launcher":
        # The runtime lives here, so nobody but we can do it.
        os.kill(launched.process.pid, signal.SIGCONT)
    assert launched.wait() == -signal.SIGKILL
    assert not is_alive(worker)
    assert sleepers(unique) == []


RUNTIME = """
import os, socket, subprocess, sys
ours, theirs = socket.socketpair()
launcher, mode, program = sys.argv[1:]
child = subprocess.Popen(
    [sys.executable, "-I", "-S", launcher, mode, sys.executable, "-u", "-c", program],
    env={**os.environ, "SNAKEPIT_LIFELINE_FD": str(theirs.fileno()), "SNAKEPIT_PARENT_PID": str(os.getpid())},
    pass_fds=[theirs.fileno()],
    start_new_session=True,
)
theirs.close()
print(child.pid, flush=True)
child.wait()
"""


def test_stopped_launcher_wakes_when_the_runtime_dies(mode: str, unique: str) -> None:
    """[I4.1] [R1.1] A launcher that was stopped before its runtime was killed leaves nobody, either, nor
    stays itself."""
    launcher = 0
    runtime = subprocess.Popen(
        [sys.executable, "-c", RUNTIME, str(LAUNCHER), mode, family(unique, FOR_EVER)],
        env=worker_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert runtime.stdout is not None
        launcher = int(runtime.stdout.readline())
        assert runtime.stdout.readline() == "complete\n"
        wait_until(lambda: len(sleepers(unique)) == FAMILY_SIZE, "the family is complete")
        os.kill(launcher, signal.SIGSTOP)
        runtime.kill()
        wait_until(lambda: not sleepers(unique), "the family is gone", 5)
        wait_until(lambda: not is_alive(launcher), "the launcher is gone", 5)
    finally:
        runtime.kill()
        if is_alive(launcher):
            os.kill(launcher, signal.SIGCONT)
        runtime.communicate(timeout=LIMIT_SECONDS)


@pytest.mark.parametrize(
    "busy",
    ["import time; time.sleep(1000)", "import ctypes; ctypes.PyDLL(None).sleep(1000)"],
    ids=["idle", "holding the lock"],
)
def test_end_of_the_launcher_ends_the_worker(launch: Launch, mode: str, busy: str) -> None:
    """[I4.1] [WH-9] With the launcher the kernel ends the worker and its group, whatever they do, while
    the runtime lives."""
    launched = launch(
        mode,
        "import subprocess\n"
        "child = subprocess.Popen(['sleep', '1000'])\n"
        f"print('up', flush=True)\n{busy}",
    )
    worker = launched.message()["pid"]
    assert launched.line() == "up"
    group = [pid for pid in all_pids() if group_of(pid) == worker]
    assert len(group) == 2
    launched.process.kill()
    wait_until(lambda: not any(map(is_alive, group)), "worker and child are gone", 5)


def all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def parent_of(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def group_of(pid: int) -> int:
    with contextlib.suppress(ProcessLookupError):
        return os.getpgid(pid)
    return 0


def test_reaps_orphans_while_the_worker_lives(launch: Launch) -> None:
    """[I4.1] Orphans that end before the worker do not stay as zombies."""
    launched = launch(
        "subreaper", ["sh", "-c", "(true & true & true &); echo done; exec sleep 1000"]
    )
    assert launched.line() == "done"
    launcher = launched.process.pid

    def children() -> list[int]:
        return [pid for pid in all_pids() if parent_of(pid) == launcher]

    wait_until(lambda: len(children()) == 1, "only the worker is left")


@pytest.mark.parametrize("how", ["lifeline", "parent"])
def test_starts_nobody_without_a_runtime(launch: Launch, mode: str, how: str) -> None:
    """[I4.1] [R1.3] A launcher whose runtime died while it was starting starts nobody."""
    environment = {"SNAKEPIT_PARENT_PID": "999999999"} if how == "parent" else {}
    launched = launch(mode, "print('started')", **environment)
    if how == "lifeline":
        launched.lifeline.close()
        # It may have been quicker; then the worker is killed.
        assert launched.wait() in (0, -signal.SIGKILL)
    else:
        assert launched.wait() == 0
        assert launched.line() == ""


def test_program_that_is_not_there(launch: Launch, mode: str) -> None:
    """[I4.1] A program that cannot be run is reported in words, with a status that says never again."""
    launched = launch(mode, ["/nowhere/python"])
    message = launched.message()
    assert message["type"] == "failed"
    assert message["code"] == "ENVIRONMENT"
    assert message["message"] == "cannot run /nowhere/python: No such file or directory"
    assert launched.wait() == 69


def test_own_group_is_required() -> None:
    """[R3.3] A launcher that does not lead its group refuses: SIGTERM for it would hit strangers."""
    ended = subprocess.run(
        [*PYTHON, str(LAUNCHER), "subreaper", "true"],
        env=worker_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 78
    assert "does not lead its own process group" in ended.stderr


def test_refused_namespace() -> None:
    """[I4.1] Where the kernel gives no pid namespace the launcher says so, and nothing is started."""
    script = 'echo 0 > /proc/sys/user/max_pid_namespaces && exec setsid -w "$@"'
    program = [*PYTHON, str(LAUNCHER), "pidNamespace", "echo", "started"]
    ended = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh", *program],
        env=worker_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if "snakepit" not in ended.stderr:
        pytest.skip("user namespaces are not allowed here")
    assert ended.returncode == 71
    assert ended.stdout == ""
    assert ended.stderr == "snakepit: pidNamespace: unshare: No space left on device\n"


def test_refused_subreaper() -> None:
    """[I4.1] Without /proc nobody could be found, so the launcher says so, and nothing is started."""
    script = 'mount -t tmpfs none /proc && exec setsid -w "$@"'
    program = [*PYTHON, str(LAUNCHER), "subreaper", "echo", "started"]
    ended = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", *program],
        env=worker_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if "snakepit" not in ended.stderr:
        pytest.skip("user namespaces are not allowed here")
    assert (ended.returncode, ended.stdout) == (71, "")
    assert re.fullmatch(
        r"snakepit: subreaper: /proc/\d+/stat: No such file or directory\n", ended.stderr
    )


NOBODY = 65534
# Whoever needs it is told: dropping privileges takes them.
IS_ROOT = os.geteuid() == 0


if IS_ROOT:

    @pytest.fixture
    def set_uid_sleep(unique: str) -> Iterator[str]:
        """A program that leaves the user who starts it behind, as sudo does, and sleeps."""
        directory = Path(tempfile.mkdtemp(dir="/var/tmp"))  # /tmp may be mounted nosuid
        directory.chmod(0o755)
        program = directory / "setpriv"
        shutil.copy("/usr/bin/setpriv", program)
        program.chmod(0o4755)
        try:
            yield f"{program} --reuid=0 --clear-groups sleep {unique}"
        finally:
            shutil.rmtree(directory)

    def test_who_may_not_be_killed_is_waited_for_two_seconds(
        launch: Launch, unique: str, set_uid_sleep: str
    ) -> None:
        """[I4.1] A set-uid program that became another user outlives a subreaper: the launcher says so, ends
        everybody else, and ends as its worker did."""
        launched = launch(
            "subreaper",
            ["sh", "-c", f"setsid {set_uid_sleep} & exec sleep {unique}"],
            user=NOBODY,
        )
        wait_until(lambda: len(sleepers(unique)) == 2, "both are there")
        begin = time.monotonic()
        launched.lifeline.close()
        assert launched.wait() == -signal.SIGKILL
        assert 2 <= time.monotonic() - begin < LIMIT_SECONDS
        assert launched.process.stderr is not None
        assert "do not die of SIGKILL" in launched.process.stderr.readline()
        left = sleepers(unique)
        assert [Path(f"/proc/{pid}").stat().st_uid for pid in left] == [0]

    def test_works_without_privileges(launch: Launch, mode: str, unique: str) -> None:
        """[I4.1] A user without privileges has the same; a pid namespace then takes a user namespace, in which
        he is who he was."""
        then = "print(os.getuid(), os.getgid(), flush=True); sys.exit(5)"
        launched = launch(mode, family(unique, then), user=NOBODY)
        worker = launched.message()["pid"]
        assert Path(f"/proc/{worker}").stat().st_uid == NOBODY
        assert launched.line() == "complete"
        os.kill(worker, signal.SIGUSR1)
        assert launched.line() == f"{NOBODY} {NOBODY}"
        assert launched.wait() == 5
        assert sleepers(unique) == []
