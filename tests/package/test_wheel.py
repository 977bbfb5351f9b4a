"""The wheel, as a stranger gets it: installed into an empty environment and used there."""

import email
import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import build_wheel
import pytest
import tensorflow_libraries
from platform_tag import platform_tag

from .environments import outside, run

ROOT = Path(__file__).resolve().parents[2]
VERSION = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)[1]
INFORMATION = f"tfsparse-{VERSION}.dist-info"
LIBRARY = ROOT / tensorflow_libraries.OWN
TENSORFLOW = tensorflow_libraries.own_version()
NAME = f"tfsparse/ops/{tensorflow_libraries.name_of(TENSORFLOW)}"

USE = """
import json, sys
import numpy as np
from tfsparse import BlockPattern, ops

dense = np.random.default_rng(3).normal(size=(8, 12)).astype(np.float32)
dense[:4, ::2] = 0
x = np.random.default_rng(4).normal(size=(5, 12)).astype(np.float32)
weights = ops.BlockSparseMatrix.from_dense(dense, BlockPattern(out=4, in_=1))
y = ops.block_sparse_matmul(x, weights).numpy()
print(json.dumps({
    "package": ops.__file__,
    "library": str(ops.library_path()),
    "blocks": len(weights.data),
    "error": float(abs(y - x @ dense.T).max()),
}))
"""


def test_an_op_runs_in_an_empty_environment(environment, tmp_path):
    answer = run(environment, tmp_path, USE)
    assert answer.returncode == 0, answer.stderr
    result = json.loads(answer.stdout)
    site = environment.parent.parent / "lib"
    assert Path(result["package"]).is_relative_to(site)
    assert Path(result["library"]).is_relative_to(site)
    assert result["blocks"] == 6 + 12
    assert result["error"] < 1e-5


@pytest.mark.long
def test_the_index_is_whole_in_an_empty_environment(environment, tmp_path):
    source = (
        "import tfsparse; print([getattr(tfsparse, name).__name__ for name in tfsparse.__all__])"
    )
    answer = run(environment, tmp_path, source)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.long
def test_the_command_runs_in_an_empty_environment(environment, tmp_path):
    command = environment.parent / "tfsparse"
    answer = subprocess.run(
        [command, "doctor", "--json"], cwd=tmp_path, env=outside(), capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["ready"]


def test_no_package_of_tensorflow_is_forced(environment, tmp_path):
    """So that an environment with tensorflow-cpu keeps it."""
    source = "import importlib.metadata as m, json; print(json.dumps(m.requires('tfsparse')))"
    wanted = json.loads(run(environment, tmp_path, source).stdout)
    assert sorted(each.replace('"', "'") for each in wanted if "tensorflow" in each) == [
        "tensorflow-cpu<2.22,>=2.19; extra == 'tensorflow-cpu'",
        "tensorflow<2.22,>=2.19; extra == 'tensorflow'",
    ]


@pytest.mark.long
def test_a_tensorflow_that_the_wheel_has_no_library_for(environment, tmp_path):
    """As if the installed one were of another version, with and without the attempt to load."""
    source = "import tensorflow as tf; tf.__version__ = '2.17.3'; import tfsparse"
    answer = run(environment, tmp_path, source)
    assert answer.returncode == 1
    last = answer.stderr.strip().splitlines()[-1]
    assert last == (
        "ImportError: The installed TensorFlow should be of a version that this wheel of tfsparse "
        f"has an op library for: {TENSORFLOW}. Received: tensorflow 2.17.3"
    )


def test_without_tensorflow_the_import_and_the_command_say_so(environment, tmp_path):
    hide = "import sys; sys.modules['tensorflow'] = None; sys.argv = {argv}; {then}"
    for argv, then in [
        (["x"], "import tfsparse"),
        (["x"], "from tfsparse.cli.main import main; main(['doctor'])"),
    ]:
        answer = run(environment, tmp_path, hide.format(argv=argv, then=then))
        assert answer.returncode == 1
        last = answer.stderr.strip().splitlines()[-1]
        assert 'pip install "tfsparse[tensorflow]"' in last and "tensorflow-cpu" in last


def test_the_name_says_what_it_needs(wheel):
    tag = platform_tag(LIBRARY)
    assert wheel.name == f"tfsparse-{VERSION}-py3-none-{tag}.whl"
    with zipfile.ZipFile(wheel) as archive:
        metadata = email.message_from_bytes(archive.read(f"{INFORMATION}/WHEEL"))
    assert metadata["Tag"] == f"py3-none-{tag}"
    assert metadata["Root-Is-Purelib"] == "false"


def test_it_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        library = archive.read(NAME)
    python = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tfsparse").rglob("*.py")}
    information = {name for name in names if name.startswith(f"{INFORMATION}/")}
    assert names - information == python | {"tfsparse/py.typed", NAME}
    assert f"{INFORMATION}/licenses/LICENSE" in information
    assert library == LIBRARY.read_bytes()


def test_the_library_carries_no_path_of_this_machine():
    content = LIBRARY.read_bytes()
    assert str(ROOT).encode() not in content
    assert str(Path.home()).encode() + b"/" not in content


def test_the_same_sources_give_the_same_bytes(wheel, tmp_path, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    before = os.umask(0o077)
    try:
        again = build_wheel.build_wheel(tmp_path, {TENSORFLOW: LIBRARY})
    finally:
        os.umask(before)
    assert filecmp.cmp(again, wheel, shallow=False)
    assert [path.name for path in tmp_path.iterdir()] == [wheel.name]


def test_a_wheel_for_several_versions(tmp_path):
    libraries = dict.fromkeys(tensorflow_libraries.SERVED, LIBRARY)
    with zipfile.ZipFile(build_wheel.build_wheel(tmp_path, libraries)) as archive:
        names = {name for name in archive.namelist() if name.endswith(".so")}
    assert names == {
        f"tfsparse/ops/libtfsparse_ops-tf{version}.so" for version in ("2.19", "2.20", "2.21")
    }


@pytest.mark.parametrize("libraries", [{}, {"2.21": Path("none.so")}])
def test_there_is_no_wheel_without_the_library(tmp_path, libraries):
    with pytest.raises(FileNotFoundError, match="make build"):
        build_wheel.build_wheel(tmp_path, libraries)
    assert not list(tmp_path.iterdir())


def test_pip_refuses_a_checkout_without_the_library(tmp_path):
    for name in ("LICENSE", "README.md", "pyproject.toml", "setup.py"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / "tfsparse").mkdir()
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "."]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode != 0
    assert "make build" in answer.stdout + answer.stderr
