"""So many Python processes, forked from one, each in a plain blocking loop: receive, JSON, send. The limit of the machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time


def main(path: str, count: int) -> None:
    """Forks them, and ends them when standard input is at its end."""
    children = []
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            serve(path)
            os._exit(0)
        children.append(pid)
    sys.stdin.read()
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    for pid in children:
        os.waitpid(pid, 0)


def serve(path: str) -> None:
    """Answers every line, all that came at once in one piece."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        rest = b""
        while chunk := connection.recv(262_144):
            *lines, rest = (rest + chunk).split(b"\n")
            if lines:
                connection.sendall(b"".join(map(answer, lines)))


def answer(line: bytes) -> bytes:
    """Does what the benchmarks' adapter does for the same call."""
    request = json.loads(line)
    if request["tool"] == "work":
        spin(request["args"]["milliseconds"] / 1000)
    return (
        json.dumps({"id": request["id"], "result": request["args"]["text"]}).encode()
        + b"\n"
    )


def spin(seconds: float) -> None:
    """Uses so much processor time."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
