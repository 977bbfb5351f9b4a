"""Finding and loading the op library."""

import re

import pytest

from tfsparse import ops
from tfsparse.ops import library


@pytest.fixture
def unloaded():
    """Without what an earlier test has loaded, nor what this one tries to."""
    library.load.cache_clear()
    yield
    library.load.cache_clear()


def test_path_is_beside_the_package():
    assert ops.library_path().name == "libtfsparse_ops.so"
    assert ops.library_path().is_file()


def test_loading_twice_gives_the_same_module():
    assert ops.load() is ops.load()


def test_loading_gives_both_ops():
    for name in ("tfsparse_block_sparse_mat_mul", "tfsparse_quantized_block_sparse_mat_mul"):
        assert callable(getattr(ops.load(), name))


def test_every_op_is_asked_for():
    """So that a library which lacks one is not taken for ours."""
    names = {name for name in dir(ops.load()) if name.startswith("tfsparse_")}
    assert {n for n in names if not n.endswith("_eager_fallback")} == set(library._OPS)
    assert list(library._OPS) == sorted(library._OPS)


def test_a_missing_file_is_an_import_error(monkeypatch, tmp_path, unloaded):
    missing = tmp_path / "libtfsparse_ops.so"
    monkeypatch.setattr(library, "library_path", lambda: missing)
    with pytest.raises(ImportError, match=f"{re.escape(str(missing))}.*no such file.*make build"):
        ops.load()


def test_a_file_that_is_no_library_is_an_import_error(monkeypatch, tmp_path, unloaded):
    broken = tmp_path / "libtfsparse_ops.so"
    broken.write_bytes(b"not a shared object")
    monkeypatch.setattr(library, "library_path", lambda: broken)
    with pytest.raises(ImportError, match=r"minor version.*Received: tensorflow \d+\.\d+.*says: "):
        ops.load()


@pytest.fixture
def wheel(monkeypatch, tmp_path, unloaded):
    """As in a wheel with libraries for other versions of TensorFlow."""
    for version in ("2.9", "2.10"):
        (tmp_path / f"libtfsparse_ops-tf{version}.so").touch()
    monkeypatch.setattr(library, "_FOLDER", tmp_path)
    return tmp_path


def test_a_wheel_has_libraries_with_versions_in_their_names(wheel, monkeypatch):
    assert library.served_versions() == ["2.9", "2.10"]
    monkeypatch.setattr("tensorflow.__version__", "2.10.1")
    assert library.library_path() == wheel / "libtfsparse_ops-tf2.10.so"
    assert library.is_installed()


@pytest.mark.parametrize("other", ["2.21-old", "2", "2.x", "", "2.21.0", "2.21.so"])
def test_other_files_are_no_libraries_of_a_wheel(wheel, other):
    (wheel / f"libtfsparse_ops-tf{other}.so").touch()
    assert library.served_versions() == ["2.9", "2.10"]


def test_a_tensorflow_that_a_wheel_does_not_serve_is_an_import_error(wheel):
    assert not library.library_path().exists() and library.is_installed()
    with pytest.raises(ImportError, match=r"op library for: 2\.9, 2\.10\. Received: tensorflow \d"):
        ops.load()


def test_a_checkout_without_a_library(monkeypatch, tmp_path):
    monkeypatch.setattr(library, "_FOLDER", tmp_path)
    assert not library.is_installed() and library.served_versions() == []
