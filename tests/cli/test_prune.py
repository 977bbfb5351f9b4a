"""`tfsparse prune`: zeros at once, in a file of their own."""

import keras
import numpy as np
import pytest

from tfsparse.cli import exit_codes


def test_kernels_have_the_zeros_asked_for(run_json, files, tmp_path):
    out = tmp_path / "new" / "try.keras"
    code, found = run_json(
        "prune",
        files / "dense.keras",
        out,
        "--pattern",
        "16x1",
        "--sparsity",
        "0.75",
        "--exclude",
        "head",
    )
    assert code == 0 and found["path"] == str(out)
    before, after = (keras.models.load_model(path) for path in (files / "dense.keras", out))
    for name in ("hidden_1", "hidden_2"):
        kernel = after.get_layer(name).get_weights()[0]
        blocks = kernel.reshape(len(kernel), -1, 16).any(-1)
        assert (~blocks).mean() == 0.75
        kept = kernel != 0
        np.testing.assert_array_equal(kernel[kept], before.get_layer(name).get_weights()[0][kept])
    assert after.get_layer("head").get_weights()[0].all()


def test_it_says_that_it_is_a_trial(run, files, tmp_path):
    code, out, _ = run("prune", files / "dense.keras", tmp_path / "try.h5")
    text = " ".join(out.split())
    assert code == 0 and "without training" in text and "accuracy means nothing" in text
    assert [path.name for path in tmp_path.iterdir()] == ["try.h5"]


@pytest.mark.parametrize(
    ("model", "out", "flags", "message"),
    [
        ("sparse", "a.keras", [], "MODEL should be a .keras or .h5 file"),
        ("dense.keras", "a", [], "OUT should be a .keras or .h5 file"),
        ("dense.keras", "there.keras", [], "OUT should not be there yet"),
        ("dense.keras", "a.keras", ["--pattern", "4by1"], "`pattern` should be"),
        ("dense.keras", "a.keras", ["--exclude", "nothing"], "nothing"),
    ],
)
def test_what_is_refused(run, files, tmp_path, model, out, flags, message):
    (tmp_path / "there.keras").touch()
    code, printed, err = run("prune", files / model, tmp_path / out, *flags)
    assert code == exit_codes.REFUSED and not printed and message in err
    assert [path.name for path in tmp_path.iterdir()] == ["there.keras"]
