"""What a model says of itself in ``assets.extra/tfsparse.json``."""

import json
import os

import keras
import numpy as np
import pytest

import tfsparse
from tfsparse.ops.export_info import ExportInfo, read_export_info, write_export_info
from tfsparse.ops.library_info import library_info

INFO = ExportInfo(3, "2.21.0", "zen4", {"int8": 2}, 1)


def test_what_is_written_is_read(tmp_path):
    write_export_info(str(tmp_path), INFO)
    assert read_export_info(str(tmp_path)) == INFO


def test_a_model_of_others_says_nothing(tmp_path):
    assert read_export_info(str(tmp_path)) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        b"\xff\xfe",
        "[" * 100_000,
        '{"format": 1, "op_library": 1, "tensorflow": "", "target": "x", "converted": {}, '
        '"stayed": 1e999}',
        "{}",
        '{"format": 2}',
        '{"format": 1, "op_library": "1", "tensorflow": "", "target": null, "converted": {}, '
        '"stayed": 0}',
        '{"format": 1, "op_library": 1, "tensorflow": "", "target": 1, "converted": {}, '
        '"stayed": 0}',
        '{"format": 1, "op_library": 1, "tensorflow": "", "target": "x", "converted": [], '
        '"stayed": 0}',
    ],
)
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "assets.extra").mkdir()
    content = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "assets.extra" / "tfsparse.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"should be one that tfsparse writes.*tfsparse\.json"):
        read_export_info(str(tmp_path))


@pytest.fixture
def model():
    layers = [keras.layers.Input((64,)), *map(keras.layers.Dense, (32, 16))]
    return keras.Sequential(layers)


def test_an_export_says_what_it_needs_and_what_was_done(tmp_path, model):
    x = np.random.default_rng(0).random((8, 64), np.float32)
    names = [layer.name for layer in model.layers]
    tfsparse.export(
        model,
        tmp_path / "1",
        precision="int8",
        calibration_data=x,
        overrides={names[0]: "4x1", names[1]: "skip"},
        target="icelake",
    )
    info = read_export_info(str(tmp_path / "1"))
    assert info.op_library == library_info(tfsparse.ops.library_path()).version
    assert (info.target, info.stayed) == ("icelake", 1)
    assert info.converted == {"int8": 1}


def test_an_export_without_our_ops_needs_no_library(tmp_path, model):
    tfsparse.export(model, tmp_path / "1", overrides={each.name: "skip" for each in model.layers})
    info = read_export_info(str(tmp_path / "1"))
    assert (info.op_library, info.converted, info.stayed) == (None, {}, 2)


def test_other_files_for_servers_stay_and_ours_is_replaced(tmp_path, model):
    tfsparse.export(model, tmp_path / "1", overrides={each.name: "4x1" for each in model.layers})
    extra = tmp_path / "1" / "assets.extra"
    (extra / "requests").write_text("warm up")
    (extra / "tfsparse.json").write_text(json.dumps({"format": 0}))
    tfsparse.export(tmp_path / "1", tmp_path / "2")
    assert (tmp_path / "2" / "assets.extra" / "requests").read_text() == "warm up"
    info = read_export_info(str(tmp_path / "2"))
    assert info.op_library is not None, "ops that were there before are needed too"


def test_the_library_says_what_it_is(monkeypatch):
    info = library_info(tfsparse.ops.library_path())
    assert info.runs(info.version) and info.runs(info.oldest)
    assert not info.runs(info.version + 1) and not info.runs(info.oldest - 1)
    assert info.supported[0] == "portable" and info.tensorflow.startswith("2.")


def test_the_library_says_which_instructions_it_uses(monkeypatch):
    path = tfsparse.ops.library_path()
    monkeypatch.delenv("TFSPARSE_ISA", raising=False)
    assert library_info(path).isa == library_info(path).supported[-1]
    monkeypatch.setenv("TFSPARSE_ISA", "portable")
    assert library_info(path).isa == "portable"
    monkeypatch.setenv("TFSPARSE_ISA", 'a "word"\n')
    info = library_info(path)
    assert info.isa is None and "Received: TFSPARSE_ISA='a \"word\" '" in info.problem
    monkeypatch.setenv("TFSPARSE_ISA", os.fsdecode(b"z\xff"))
    assert "Received: TFSPARSE_ISA='z\ufffd'" in library_info(path).problem


def test_another_library_says_nothing(tmp_path):
    import ctypes.util

    with pytest.raises(ValueError, match="TfsparseLibraryInfo"):
        library_info(ctypes.util.find_library("m"))
