"""Attacks processes, and sees each of them end, with nothing between it and the kernel.

Reads lines of JSON from stdin: ``{"watch": [[pid, start], ...], "attack": [[pid, start, signal], ...],
"limitMs": n}``. A process is known by its number and its start time, and held by a pidfd from before the
attack, so that no signal and no time can be another's. Answers with one line each:
``{"atMs": monotonic, "missed": [pid, ...], "gone": {pid: ms after the attack}, "left": [pid, ...],
"stalledMs": n}``. The last is how long this program itself had to wait for a processor, a machine that stood still
included: by so much the other times are shorter, and the limit is later.
"""

import errno
import json
import os
import select
import signal
import sys
import time


# Seconds: a look takes no longer than this, and one that took so much longer was kept waiting.
LOOK = 0.02
LATE = 0.1


def start_time(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19]
    except OSError:
        return None


def hold(pid, start):
    """A pidfd of exactly this process, or None when it is gone."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError as error:
        # It is gone, or its number is that of a thread by now.
        if error.errno in (errno.ESRCH, errno.EINVAL, errno.ENOENT):
            return None
        raise
    if start_time(pid) == start:
        return pidfd
    os.close(pidfd)
    return None


def attack(targets, held):
    missed = []
    for pid, _, name in targets:
        pidfd = held.get(pid)
        try:
            if pidfd is None:
                raise ProcessLookupError
            signal.pidfd_send_signal(pidfd, signal.Signals[name])
        except ProcessLookupError:
            missed.append(pid)
    return missed


def serve(request):
    wanted = {pid: start for pid, start in request["watch"]}
    targets = {pid: start for pid, start, _ in request["attack"]}
    held = {}
    for pid, start in {**targets, **wanted}.items():
        pidfd = hold(pid, start)
        if pidfd is not None:
            held[pid] = pidfd
    try:
        began = time.monotonic()
        missed = attack(request["attack"], held)
        watched = {pidfd: pid for pid, pidfd in held.items() if pid in wanted}
        gone = dict.fromkeys((pid for pid in wanted if pid not in held), 0)
        poller = select.poll()
        for pidfd in watched:
            poller.register(pidfd, select.POLLIN)
        stalled = 0.0
        passed = 0.0
        while watched and passed < request["limitMs"] / 1000:
            looked = time.monotonic()
            ended = poller.poll(LOOK * 1000)
            now = time.monotonic()
            if now - looked > LATE:
                stalled += now - looked - LOOK
            passed = now - began - stalled
            for pidfd, _ in ended:
                gone[watched.pop(pidfd)] = passed * 1000
                poller.unregister(pidfd)
        return {
            "atMs": began * 1000,
            "missed": missed,
            "gone": gone,
            "left": [*watched.values()],
            "stalledMs": stalled * 1000,
        }
    finally:
        for pidfd in held.values():
            os.close(pidfd)


# Ctrl-C is for the command, which closes our input when it is done.
signal.signal(signal.SIGINT, signal.SIG_IGN)
for line in sys.stdin:
    print(json.dumps(serve(json.loads(line))), flush=True)
