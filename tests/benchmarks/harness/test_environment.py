"""Environments are made once, and a peer that cannot be installed is told and left out."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.harness import environment
from benchmarks.harness.environment import MissingEnvironmentError, python_of


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """No requirements, so that nothing is fetched."""
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "FOLDER", tmp_path / "environments")
    monkeypatch.setattr(environment, "REQUIREMENTS", tmp_path)
    (tmp_path / "peer.txt").write_text("# nothing\n")
    return tmp_path


def test_ours_runs_in_this_environment():
    assert python_of(None) == Path(sys.executable)


@pytest.mark.long
def test_an_environment_is_made_once_and_again_for_other_requirements(folders):
    python = python_of("peer")
    assert subprocess.run([python, "-c", "import pip"]).returncode == 0
    made = python.parent.stat().st_mtime_ns
    assert python_of("peer", install=False) == python
    assert python.parent.stat().st_mtime_ns == made
    (folders / "peer.txt").write_text("# other\n")
    with pytest.raises(MissingEnvironmentError, match="--no-install"):
        python_of("peer", install=False)


@pytest.mark.long
def test_what_cannot_be_installed_says_why_and_is_tried_again(folders):
    (folders / "peer.txt").write_text("./nothing-is-here\n")
    for _ in range(2):
        with pytest.raises(MissingEnvironmentError, match="could not be installed: ERROR"):
            python_of("peer")


def test_a_peer_for_older_pythons_needs_one(folders, monkeypatch):
    monkeypatch.setenv("PATH", str(folders))
    with pytest.raises(MissingEnvironmentError, match=r"needs Python 3\.8 or older"):
        python_of("peer", newest_python=8)


def test_requirements_are_pinned():
    files = list(environment.REQUIREMENTS.glob("*.txt"))
    assert files
    for file in files:
        lines = file.read_text().splitlines()
        wanted = [line for line in lines if line and not line.startswith("#")]
        assert wanted and all("==" in line for line in wanted), file
