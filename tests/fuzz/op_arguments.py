"""Runs `custom_ops/fuzz/fuzz_ops`, which makes random arguments for the engine, on each ISA."""

import dataclasses
import os
import subprocess

from tests.c_client.client import SANITIZER_OPTIONS, bazel

TARGET = "//custom_ops/fuzz:fuzz_ops"


@dataclasses.dataclass(frozen=True)
class Progress:
    """Sets of arguments that an ISA has seen so far."""

    isa: str
    cases: int
    answered: int
    refused: int


class FailedError(Exception):
    """What the program has said before it ended, and how to repeat it."""


def build():
    """Builds the program with the sanitizers; gives its file."""
    bazel("build", "--symlink_prefix=/", "--config=asan", TARGET)
    return f"{bazel('info', '--config=asan', 'bazel-bin')}/custom_ops/fuzz/fuzz_ops"


def isas(program):
    """Names of the ISAs that this processor has."""
    listed = subprocess.run([program, "--list"], capture_output=True, text=True, check=True)
    return listed.stdout.split()


def run(program, cases, seed, isa):
    """Runs so many sets of arguments on an ISA; gives `Progress` as it gets on.

    Raises:
        FailedError: If a law was broken, a sanitizer has reported, or the program has died.
    """
    command = [program, f"--cases={cases}", f"--seed={seed}", f"--isa={isa}"]
    # Leaks are looked for as well, since nothing of TensorFlow is in there.
    options = {"UBSAN_OPTIONS": SANITIZER_OPTIONS["UBSAN_OPTIONS"]}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | options,
    )
    try:
        for line in process.stdout:
            isa, *counts = line.split()
            yield Progress(isa, *map(int, counts))
        _, words = process.communicate()
    finally:
        process.kill()
        process.wait()
    if process.returncode != 0:
        raise FailedError(words.strip() or f"code {process.returncode}")
