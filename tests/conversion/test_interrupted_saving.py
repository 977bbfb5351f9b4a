"""A save that is killed at any step, or read while it runs: the old model or the new one, whole."""

import functools
import shutil
import subprocess
import sys
import warnings

import pytest

from tests import processes
from tests.long_cases import some_of
from tfsparse.conversion import exchange, leftovers, saving
from tfsparse.conversion.saving import check_target, write_atomically

from .killing import killed_at
from .text_models import names, whole, writer

OWN_STEPS = [module.__file__ for module in (saving, exchange, leftovers)]
STEPS = [*OWN_STEPS, shutil.__file__]
"""Files whose lines are the steps of a save."""


STRIDES = pytest.mark.parametrize("stride", some_of([1, 4], [4]))
"""A plain run kills a save at every fourth step, a long one at each."""


def kills(target, prepare, overwrite, stride, steps=STEPS):
    """Kills a save at every `stride`-th step in turn, from a fresh start; yields after each."""
    for step in range(0, 10_000, stride):
        shutil.rmtree(target.parent)
        target.parent.mkdir()
        prepare()
        if not killed_at(step, steps, lambda: write_atomically(target, writer("new"), overwrite)):
            assert step > 50
            return
        yield step


# Forking hundreds of times takes a tenth of the time in a process that is small.


@STRIDES
@pytest.mark.parametrize("kind", ["exchanged", "in two steps"])
def test_a_kill_leaves_the_old_model_or_the_new_one(tmp_path, kind, stride):
    processes.run(check_that_the_old_or_the_new_one_is_left, tmp_path, kind, stride)


def check_that_the_old_or_the_new_one_is_left(tmp_path, kind, stride):
    if kind == "in two steps":
        exchange._rename = lambda *_: False
    target = tmp_path / "served" / "1"
    target.parent.mkdir()
    found, left = [], set()
    # How a folder is removed is the same in both.
    steps = STEPS if kind == "exchanged" else OWN_STEPS
    prepare = functools.partial(writer("old"), str(target))
    for _ in kills(target, prepare, overwrite=True, stride=stride, steps=steps):
        if kind == "exchanged":
            found.append(whole(target))
        left.add(len(names(target.parent)))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            check_target(target, overwrite=True)
        assert names(target.parent) == ["1"]
        assert whole(target) in ("old", "new")
        found.append(whole(target))
        assert not caught or "was killed" in str(caught[0].message)
    assert found == sorted(found, reverse=True)
    assert set(found) == {"old", "new"}
    assert left == {1, 2}


@STRIDES
def test_a_kill_leaves_no_model_or_the_new_one(tmp_path, stride):
    processes.run(check_that_none_or_the_new_one_is_left, tmp_path, stride)


def check_that_none_or_the_new_one_is_left(tmp_path, stride):
    target = tmp_path / "served" / "1"
    target.parent.mkdir()
    found = []
    for _ in kills(target, lambda: None, overwrite=False, stride=stride):
        found.append(whole(target) if target.exists() else "")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check_target(target, overwrite=True)
        assert (whole(target) if target.exists() else "") == found[-1]
        assert names(target.parent) == (["1"] if found[-1] else [])
    assert found == sorted(found)
    assert set(found) == {"", "new"}


# Read while it is written.

READER = """
import os, sys
missing = polls = 0
print("ready", flush=True)
os.set_blocking(0, False)
while sys.stdin.read(1) == "":
    for _ in range(100):
        polls += 1
        missing += not os.path.exists(sys.argv[1])
print(polls, missing)
"""


def test_a_reader_never_misses_the_folder(tmp_path):
    if not exchanges(tmp_path):
        pytest.skip("the file system cannot exchange names")
    target = tmp_path / "1"
    write_atomically(target, writer("0"))
    command = [sys.executable, "-c", READER, str(target)]
    reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert reader.stdout.readline() == "ready\n"
    for count in range(100):
        write_atomically(target, writer(str(count)), overwrite=True)
    output, _ = reader.communicate("x")
    polls, missing = map(int, output.split())
    assert polls > 1000
    assert missing == 0


def exchanges(folder):
    one, other = folder / "one", folder / "other"
    one.mkdir()
    other.mkdir()
    try:
        return exchange._rename(one, other, exchange._EXCHANGE)
    finally:
        one.rmdir()
        other.rmdir()
