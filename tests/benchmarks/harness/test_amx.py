"""`benchmarks/harness/amx.py` and `benchmarks/without_amx.py`, which uses it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.harness import child, machine
from benchmarks.harness.amx import may_use_amx

SAY = "from benchmarks.harness import amx; print(amx.may_use_amx())"
FORBID = "from benchmarks.harness import amx; amx.forbid_amx(); " + SAY


@pytest.fixture(scope="module", autouse=True)
def _system_allows_it():
    tried = subprocess.run(
        [sys.executable, "-c", FORBID], cwd=child.ROOT, capture_output=True, text=True, check=False
    )
    if "AMX cannot be taken away" in tried.stderr:
        pytest.skip(f"this system refuses filters of system calls: {tried.stderr.splitlines()[-1]}")


def output(*command: str) -> str:
    return subprocess.run(
        command, cwd=child.ROOT, check=True, capture_output=True, text=True
    ).stdout


def test_amx_is_gone_and_stays_gone_in_children():
    inner = f"import subprocess, sys; {FORBID}; subprocess.run([sys.executable, '-c', {SAY!r}])"
    assert output(sys.executable, "-c", inner).split() == ["False", "False"]


def test_a_command_runs_without_it_and_this_process_keeps_it():
    before = may_use_amx()
    says = output(sys.executable, "-m", "benchmarks.without_amx", sys.executable, "-c", SAY)
    assert says.split() == ["False"]
    assert may_use_amx() == before


def test_the_head_of_a_table_names_what_may_be_used():
    named = any(feature.startswith("amx") for feature in machine.describe()["features"])
    assert named <= may_use_amx()


def test_it_is_refused_to_a_process_that_has_it():
    if not may_use_amx():
        pytest.skip("this processor has no AMX")
    late = f"from benchmarks.harness import amx; amx.may_use_amx(); {FORBID}"
    with pytest.raises(subprocess.CalledProcessError) as error:
        output(sys.executable, "-c", late)
    assert "should be forbidden before it is used" in error.value.stderr


def test_help_is_printed():
    assert "make build" in output(sys.executable, "-m", "benchmarks.without_amx", "--help")


@pytest.mark.parametrize("command", [[], ["no-such-program"]])
def test_a_wrong_command_is_answered(command):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.without_amx", *command],
        cwd=child.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert ("should be a program" if command == ["no-such-program"] else "make") in done.stderr
