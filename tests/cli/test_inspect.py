"""`tfsparse inspect`: the numbers of its table, and its last line."""

import numpy as np
import pytest

from tests.serving.models import export_int8


def test_numbers_of_layers(run_json, files):
    code, found = run_json("inspect", files / "sparse.keras", "--batch_size", 64)
    assert code == 0
    _, second, head = found["layers"]
    assert [each["layer"] for each in found["layers"]] == ["hidden_1", "hidden_2", "head"]
    assert second["shape"] == [256, 256] and second["dense_macs"] == 64 * 256 * 256
    assert 0.85 < second["zeros"] < 0.95
    assert second["block"] == "4x1" and second["converts"]
    kept = (1 - second["zeros"]) * 256 * 256 * 64
    assert second["stored_macs"] == pytest.approx(kept, rel=0.01)
    assert set(second["speedups"]) == {"fp32", "bf16", "int8"}
    assert head["converts"] and head["reason"] == "runs in one op with its neighbours"
    assert head["speedups"]["int8"] == head["speedup"] > 1 > head["speedups"]["fp32"]
    assert found["signatures"]["serving_default"]["inputs"] == {"x": "float32(?, 128)"}
    costs = [each["dense_cost"] for each in found["layers"]]
    after = [cost / each["speedup"] for cost, each in zip(costs, found["layers"], strict=True)]
    assert found["speedup_of_products"] == pytest.approx(sum(costs) / sum(after))


def test_a_saved_model_gives_the_same(run_json, files):
    (_, one), (_, other) = (
        run_json("inspect", files / name) for name in ("sparse.keras", "sparse")
    )
    numbers = [
        [(each["shape"], each["zeros"], each["block"]) for each in found["layers"]]
        for found in (one, other)
    ]
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize(("columns", "heads"), [("80", 0), ("120", 1)])
def test_the_table_fits_the_screen(run, files, monkeypatch, columns, heads):
    monkeypatch.setenv("COLUMNS", columns)
    code, out, _ = run("inspect", files / "cnn.h5", "--precision", "fp32")
    assert code == 0
    assert max(map(len, out.splitlines())) <= int(columns)
    assert "DepthwiseConv2dNative is not converted" in " ".join(out.split())
    assert out.count("bf16") == heads
    assert "\x1b" not in out, "no colours where there is no terminal"
    assert "What holds it back:" in out.splitlines()[-1] + out.splitlines()[-2]


def test_time_gives_layers_their_share(run_json, files):
    code, found = run_json("inspect", files / "sparse.keras", "--time", "--batch_size", 256)
    assert code == 0
    measured = [each["ms"] for each in found["layers"]]
    assert all(ms is not None and ms > 0 for ms in measured)
    others = sum(found["ms_of_other_ops"].values())
    assert found["ms_of_model"] == pytest.approx(sum(measured) + others)
    assert measured[1] > measured[2], "256 outputs take longer than 10"
    assert found["verdict"].startswith("The model would run")


def test_time_of_a_saved_model(run_json, files):
    code, found = run_json("inspect", files / "sparse", "--time")
    assert code == 0 and all(each["ms"] for each in found["layers"])


def test_what_was_converted_before_is_counted(run, tmp_path):
    folder, _ = export_int8(tmp_path / "1")
    code, out, _ = run("inspect", folder)
    assert code == 0 and "Ops of tfsparse that are in the model already: 1." in out
    assert "nothing to gain" in out


def test_no_library_is_needed(run, files, monkeypatch, tmp_path):
    from tfsparse import ops

    monkeypatch.setattr(ops, "library_path", lambda: tmp_path / "missing.so")
    monkeypatch.setattr(ops, "load", lambda: pytest.fail("loaded the library"))
    assert run("inspect", files / "dense.keras")[0] == 0


def test_what_is_no_model(run, tmp_path):
    code, _, err = run("inspect", tmp_path / "missing.keras")
    assert code == 3 and "should be a file that is there" in err
    (tmp_path / "broken.keras").write_bytes(b"nothing of the sort")
    code, _, err = run("inspect", tmp_path / "broken.keras")
    assert code == 3 and "that Keras can load by itself" in err and len(err.splitlines()) == 1
    assert run("inspect", tmp_path)[0] == 3
    code, _, err = run("inspect", tmp_path, "--target", "z80")
    assert code == 3


def test_a_tf_keras_file(run_json, tmp_path):
    import tf_keras

    layers = [tf_keras.layers.Input((256,)), tf_keras.layers.Dense(512, name="hidden")]
    tf_keras.Sequential(layers).save(tmp_path / "two.keras")
    tf_keras.Sequential(layers).save(tmp_path / "two.h5")
    for name in ("two.keras", "two.h5"):
        code, found = run_json("inspect", tmp_path / name)
        assert code == 0 and found["layers"][0]["layer"] == "hidden", name


def test_a_file_of_a_pruned_model(run_json, files, tmp_path):
    import keras

    import tfsparse

    model = keras.models.load_model(files / "dense.keras")
    tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.75)).save(tmp_path / "pruned.keras")
    code, found = run_json("inspect", tmp_path / "pruned.keras")
    assert code == 0
    assert np.allclose([each["zeros"] for each in found["layers"]], 0.75, atol=0.01)
