"""Tools for the histories of the chaos command: honest work, and one way to misbehave each."""

import asyncio
import ctypes
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from typing import NoReturn

from snakepit_bridge import tool
from snakepit_bridge.call_socket import Messages

SIGTERM = 15
IGNORE = 1
MARK = os.environ.get("CHAOS_IMPORT_MARK", "")
if "/fork-server/" in os.environ.get("SNAKEPIT_WORKER", ""):
    MARK = ""  # a fork server only asks whether this is safe to be imported before
# Only from the second import on: the first start has to succeed.
if MARK and os.path.exists(MARK):
    with open(f"{MARK}.again", "w", encoding="utf-8"):
        pass
    time.sleep(1000)
elif MARK:
    with open(MARK, "w", encoding="utf-8"):
        pass


class Chaos:
    @tool
    def work(self, ms: int) -> int:
        time.sleep(ms / 1000)
        return ms

    @tool
    def compute(self, ms: int) -> int:
        end = time.monotonic() + ms / 1000
        rounds = 0
        while time.monotonic() < end:
            rounds += 1
        return rounds

    @tool
    async def wait(self, ms: int) -> int:
        await asyncio.sleep(ms / 1000)
        return ms

    @tool
    def hold_gil(self, seconds: float, mark: str) -> None:
        """Inside C, with the lock that every Python thread needs."""
        note(mark)
        ctypes.PyDLL(None).usleep(int(seconds * 1e6))

    @tool
    def hot_regex(self, mark: str) -> None:
        """A match that takes longer than anybody lives, inside C as well."""
        note(mark)
        re.match(r"(a|a)*b", "a" * 60)

    @tool
    def deafen(self) -> None:
        """Ignores SIGTERM from now on."""
        ctypes.CDLL(None).signal(SIGTERM, ctypes.c_void_p(IGNORE))

    @tool
    def family(self, kids: int, daemons: int, cleared: int, seconds: str) -> None:
        """Children in the group, and daemons outside of it, some of them without environment."""
        for _ in range(kids):
            subprocess.Popen(["sleep", seconds], stdin=subprocess.DEVNULL)
        for _ in range(daemons):
            subprocess.run(["setsid", "-f", "sleep", seconds], check=True)
        for _ in range(cleared):
            subprocess.run(["/usr/bin/setsid", "-f", "/bin/sleep", seconds], env={}, check=True)

    @tool
    def twins(self, kids: int, daemons: int) -> None:
        """Forks of this very process, which run no program of their own; the daemons by forking twice."""
        for _ in range(kids):
            if os.fork() == 0:
                sleep_for_ever()
        for _ in range(daemons):
            middle = os.fork()
            if middle == 0:
                os.setsid()
                if os.fork() == 0:
                    sleep_for_ever()
                os._exit(0)
            os.waitpid(middle, 0)

    @tool
    def fork_storm(self, chains: int, seconds: float) -> None:
        """Chains of processes each of which forks the next and ends: nobody's number is known for long."""
        for _ in range(chains):
            subprocess.Popen([sys.executable, "-I", "-S", "-c", CHAIN, str(seconds)])

    @tool
    def exhaust_descriptors(self) -> int:
        """Takes every descriptor that this process may have."""
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        taken = 0
        try:
            while True:
                os.open("/dev/null", os.O_RDONLY)
                taken += 1
        except OSError:
            return taken

    @tool
    def shift_clock(self, seconds: float) -> None:
        """What this process takes for the time of day jumps."""
        real = time.time
        time.time = lambda: real() + seconds

    @tool
    def black_hole(self) -> int:
        """Connections stay open, and nothing that arrives on them is ever read."""
        swallow_calls()
        swallowed = 1
        for name in os.listdir("/proc/self/fd"):
            swallowed += swallow(int(name))
        return swallowed

    @tool
    def die(self, how: str, request: str) -> None:
        """`request` tells one call from the other."""
        if how == "exit":
            os._exit(3)
        signal.raise_signal(signal.Signals[how])


CHAIN = """
import os, sys, time
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    if os.fork() > 0:
        os._exit(0)
    time.sleep(0.002)
"""


def sleep_for_ever() -> NoReturn:
    while True:
        time.sleep(1000)


def swallow(fd: int) -> bool:
    """Puts a socket on which nothing ever comes in the place of an accepted connection."""
    try:
        probe = socket.socket(fileno=os.dup(fd))
    except OSError:
        return False
    with probe:
        accepts = probe.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        if accepts or probe.family != socket.AF_UNIX or not probe.getsockname():
            return False
        # The peer must see neither an end nor an error: the connection stays, held by this copy.
        HELD.append(os.dup(fd))
        silent, other = socket.socketpair()
        HELD.append(other.detach())
        os.dup2(silent.fileno(), fd)
        silent.close()
        return True


def swallow_calls() -> None:
    """The same for the socket on which calls come."""
    Messages.data_received = lambda self, data: None  # type: ignore[method-assign]
    Messages.put = lambda self, message: None  # type: ignore[method-assign]


HELD: list[int] = []


def note(path: str) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
