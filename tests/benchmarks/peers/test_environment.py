"""Environments are made once, and a peer that cannot be installed is told and left out."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.peers import environment
from benchmarks.peers.engine import ENGINES, Engine
from benchmarks.peers.environment import MissingEnvironmentError, python_of

PEER = Engine("peer", "int8", "peer", "peer")


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """No requirements, so that nothing is fetched."""
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "FOLDER", tmp_path / "environments")
    monkeypatch.setattr(environment, "REQUIREMENTS", tmp_path)
    (tmp_path / "peer.txt").write_text("# nothing\n")
    return tmp_path


def test_ours_runs_in_this_environment():
    assert python_of(Engine("tfsparse", "int8", "tfsparse")) == Path(sys.executable)


def test_an_environment_is_made_once_and_again_for_other_requirements(folders):
    python = python_of(PEER)
    assert subprocess.run([python, "-c", "import pip"]).returncode == 0
    made = python.parent.stat().st_mtime_ns
    assert python_of(PEER, install=False) == python
    assert python.parent.stat().st_mtime_ns == made
    (folders / "peer.txt").write_text("# other\n")
    with pytest.raises(MissingEnvironmentError, match="--no-install"):
        python_of(PEER, install=False)


def test_what_cannot_be_installed_says_why_and_is_tried_again(folders):
    (folders / "peer.txt").write_text("./nothing-is-here\n")
    for _ in range(2):
        with pytest.raises(MissingEnvironmentError, match="could not be installed: ERROR"):
            python_of(PEER)


def test_a_peer_for_older_pythons_needs_one(folders, monkeypatch):
    old = Engine("peer", "int8", "peer", "peer", newest_python=8)
    monkeypatch.setenv("PATH", str(folders))
    with pytest.raises(MissingEnvironmentError, match=r"needs Python 3\.8 or older"):
        python_of(old)


def test_every_engine_has_its_module_and_its_pinned_requirements():
    for engine in ENGINES:
        file = environment.ROOT / f"{engine.module_path.replace('.', '/')}.py"
        assert file.is_file(), engine
        if engine.environment:
            text = (environment.REQUIREMENTS / f"{engine.environment}.txt").read_text()
            lines = [line for line in text.splitlines() if line and not line.startswith("#")]
            assert lines and all("==" in line for line in lines)
