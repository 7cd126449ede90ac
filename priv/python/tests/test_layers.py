"""Every safety layer alone: the runtime is killed by SIGKILL while all the others are off."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from snakepit_bridge import layers

from .harness import LIMIT_SECONDS, is_alive, wait_until, worker_environment
from .stand_in import Case, Victim, let_go, read_victims, start_runtime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import StartWorker

LIFELINE_ALONE, EOF_ALONE, OPINION_ALONE, ALL = (
    ("lifeline",),
    ("eof",),
    ("opinion",),
    ("lifeline", "eof", "opinion"),
)
GONE = [
    *(
        Case(LIFELINE_ALONE, state)
        for state in ("idle", "holding the lock", "stopped", "blocked loop")
    ),
    *(
        Case(alone, state)
        for alone in (EOF_ALONE, OPINION_ALONE)
        for state in ("idle", "blocked loop", "blocked thread")
    ),
    *(Case(layers, "default SIGTERM") for layers in (ALL, OPINION_ALONE)),
    Case(ALL, "idle", "own_sigterm.Plain"),
]
HELD = [
    Case(alone, state)
    for alone in (EOF_ALONE, OPINION_ALONE)
    for state in ("holding the lock", "stopped")
]
NOTHING = Case(())


class Aftermath:
    """What is there when the runtime has died: the workers, and who of them still lived then."""

    def __init__(self, victims: dict[Case, Victim], directory: Path) -> None:
        self.victims = victims
        self._directory = directory
        self.held = {case for case in HELD if is_alive(victims[case].worker)}
        self.unprotected = is_alive(victims[NOTHING].worker)

    def let_python_run(self, case: Case) -> None:
        """Ends what kept the interpreter of a worker from running."""
        if case.state == "stopped":
            os.kill(self.victims[case].worker, signal.SIGCONT)
        else:
            let_go(list(self.victims).index(case), self._directory)


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    """Kills one runtime that has a worker of every case; ends when the idle ones are gone, which
    is when the others have been told as well."""
    cases = [*GONE, *HELD, NOTHING]
    directory = tmp_path_factory.mktemp("layers")
    runtime = start_runtime(cases, directory)
    victims: list[Victim] = []
    try:
        victims = read_victims(runtime)
        assert all(is_alive(pid) for victim in victims for pid in victim)
        runtime.kill()
        runtime.wait()
        by_case = dict(zip(cases, victims))
        for alone in (LIFELINE_ALONE, EOF_ALONE, OPINION_ALONE):
            pid = by_case[Case(alone)].worker
            with contextlib.suppress(AssertionError):  # the test of that case fails
                wait_until(lambda: not is_alive(pid), "an idle worker is gone")  # noqa: B023
        yield Aftermath(by_case, directory)
    finally:
        runtime.kill()
        runtime.communicate()
        for victim in victims:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(victim.worker, signal.SIGKILL)


def name_of(case: Case) -> str:
    return f"{'+'.join(case.layers)}, {case.state}, {case.adapter}"


@pytest.mark.parametrize("case", GONE, ids=name_of)
def test_one_layer_is_enough(aftermath: Aftermath, case: Case) -> None:
    """[R1.1] [R3.3] [R3.4] [T2.1] [T2.2] A killed runtime takes worker and children along, by each
    layer alone; by the lifeline also while Python cannot run. An adapter that takes SIGTERM over,
    when it is imported or later, spoils nothing."""
    worker, child = aftermath.victims[case]
    wait_until(lambda: not is_alive(worker), "the worker is gone")
    wait_until(lambda: not is_alive(child), "the child is gone")


@pytest.mark.parametrize("case", HELD, ids=name_of)
def test_what_needs_python_has_to_wait(aftermath: Aftermath, case: Case) -> None:
    """[R3.3] A layer that runs in Python does not hold while the interpreter cannot run, which is
    what the lifeline is for; it does its work as soon as the interpreter can."""
    assert case in aftermath.held
    worker, child = aftermath.victims[case]
    aftermath.let_python_run(case)
    wait_until(lambda: not is_alive(worker), "the worker is gone")
    wait_until(lambda: not is_alive(child), "the child is gone")


def test_without_any_layer(aftermath: Aftermath) -> None:
    """[R3.3] With all of them off the worker is left: it is they that end the others."""
    assert aftermath.unprotected


def test_unknown_layer(spawn: StartWorker) -> None:
    """[R3.3] A name that is no layer's switches nothing off: the worker refuses to start."""
    worker = spawn("adapters.Plain", SNAKEPIT_WITHOUT_LAYERS="eof,lifelien")
    message = worker.receive()
    assert (message["type"], message["code"]) == ("failed", "ENVIRONMENT")
    assert "'lifelien', which is no safety layer" in message["message"]
    assert worker.wait() == 78


def test_names_of_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """[R3.3] Names are separated by commas; those of the runtime are known too."""
    monkeypatch.delenv(layers.VARIABLE, raising=False)
    assert layers.read_switched_off() == frozenset()
    monkeypatch.setenv(layers.VARIABLE, " eof, sweep,,")
    assert layers.read_switched_off() == {"eof", "sweep"}


def test_layers_import_nothing() -> None:
    """[R3.3] What is read before the lifeline is armed costs no import."""
    code = (
        "import sys; before = set(sys.modules); import snakepit_bridge.layers, snakepit_bridge.exit_codes;"
        "print(sorted(set(sys.modules) - before))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=worker_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT_SECONDS,
    )
    ours = "'snakepit_bridge', 'snakepit_bridge.exit_codes', 'snakepit_bridge.layers'"
    assert result.stdout.strip() == f"['__future__', {ours}]"


def test_armed_layers_are_told(spawn: StartWorker) -> None:
    """[R3.3] The readiness message says whether the kernel's layer is armed; the platform's opinion
    comes with being killed first when memory is short."""
    with_all = spawn("adapters.Plain")
    without = spawn("adapters.Plain", SNAKEPIT_WITHOUT_LAYERS="lifeline,opinion")
    assert with_all.start()["lifeline"] is True
    assert without.start()["lifeline"] is False
    ours = memory_score(os.getpid())
    assert memory_score(with_all.pid) == min(ours + 300, 1000)
    assert memory_score(without.pid) == ours


def memory_score(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())
