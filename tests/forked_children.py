"""The processes of a benchmark, without the seconds that their imports take."""

import subprocess
import sys

import pytest

from benchmarks.harness import child
from tests import processes


@pytest.fixture(scope="package", autouse=True)
def forked_children():
    """`child.run` forks what it would start with this interpreter."""

    def start(command, **options):
        own = command[0] == sys.executable
        return (processes.ForkedModule if own else subprocess.Popen)(command, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "Popen", start)
        yield
