import json

import numpy as np
import one_shot
import pytest
import results
from support import one_shot_plot


def fill(folder, seed, **accuracies):
    folder.mkdir(exist_ok=True)
    (folder / "cifar10-dense.json").write_text(json.dumps({"accuracy": 0.9}))
    found = {name.replace("_", "-"): value for name, value in accuracies.items()}
    found |= {f"{name}, recalibrated": value + 0.01 for name, value in list(found.items())}
    path = one_shot.file_of(folder, "cifar10", "4x1", 0.5, seed)
    path.write_text(json.dumps({**found, "sparsity": 0.5}))


def test_a_line_has_the_points_lost_and_their_deviation(tmp_path):
    fill(tmp_path, 0, magnitude=0.5, one_shot=0.85, allocated=0.86)
    fill(tmp_path, 1, magnitude=0.5, one_shot=0.87, allocated=0.88)
    (line,) = [line for line in one_shot.table(tmp_path, "cifar10").splitlines() if "4x1" in line]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    lost = ["40.00", "4.00 ± 1.41", "3.00 ± 1.41", "39.00", "3.00 ± 1.41", "2.00 ± 1.41"]
    assert cells == ["4x1", "50%", "2", *lost]


def test_nothing_is_written_of_what_was_not_run(tmp_path):
    assert one_shot.document(tmp_path) == ""
    fill(tmp_path, 0, magnitude=0.5, one_shot=0.85)
    text = results.document({}, tmp_path / "none", tmp_path)
    assert (
        "## Without training" in text
        and "ResNet-20" in text
        and "BERT mini" not in text.split("## Without training")[1].partition("## Commands")[0]
    )


BEFORE = """\
ABOUT

![Points lost against zeros, for each pattern](one_shot.svg)

### ResNet-20, CIFAR-10

Dense: 90.00%. Points lost:

| pattern | zeros | seeds | magnitude | one-shot |
| --- | --- | --- | --- | --- |
| 2x1 | 70% | 3 | 11.00 | 2.00 |
| 4x1 | 50% | 1 | 77.00 | 66.00 |

### BERT mini, SST-2

Dense: 83.00%. Points lost:

| pattern | zeros | seeds | magnitude |
| --- | --- | --- | --- |
| 2:4 | 50% | 1 | 5.00 |"""


def test_what_was_not_run_here_stays(tmp_path):
    fill(tmp_path, 0, magnitude=0.5, one_shot=0.85)
    text = one_shot.document(tmp_path, BEFORE)
    assert one_shot.PICTURE in text and "| 2:4 | 50% | 1 | 5.00 |" in text
    assert "| 2x1 | 70% | 3 | 11.00 | 2.00 |" in text and "77.00" not in text
    assert "| 4x1 | 50% | 1 | 40.00 | 5.00 |" in text
    assert one_shot.document(tmp_path, text) == text
    assert not one_shot.is_whole(tmp_path, BEFORE)
    assert one_shot.is_whole(tmp_path, one_shot.document(tmp_path))


def test_rows_of_another_dense_model_are_not_mixed_with_these(tmp_path):
    fill(tmp_path, 0, magnitude=0.5, one_shot=0.85)
    text = one_shot.document(tmp_path, BEFORE.replace("90.00%", "91.00%"))
    assert "| 2x1 |" not in text and "| 4x1 | 50% | 1 | 40.00 | 5.00 |" in text


def test_what_was_tried_at_several_sparsities_is_plotted(tmp_path):
    fill(tmp_path, 0, magnitude=0.5, one_shot=0.85)
    assert one_shot.panels(tmp_path) == {} and "one_shot.svg" not in one_shot.document(tmp_path)
    found = json.loads(one_shot.file_of(tmp_path, "cifar10", "4x1", 0.5, 0).read_text())
    path = one_shot.file_of(tmp_path, "cifar10", "4x1", 0.7, 0)
    path.write_text(json.dumps({**found, "one-shot": 0.8, "sparsity": 0.7}))
    panels = one_shot.panels(tmp_path)
    curve = panels["ResNet-20, CIFAR-10, 4x1"]["one-shot"]
    assert curve == [(0.5, [pytest.approx(5.0)]), (0.7, [pytest.approx(10.0)])]
    assert "](one_shot.svg)" in one_shot.document(tmp_path)
    pictures = [tmp_path / name for name in ("one.svg", "other.svg")]
    for picture in pictures:
        one_shot_plot.plot(panels, picture)
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    assert b"zeros, %" in pictures[0].read_bytes()


def test_a_trial_scores_both_models_and_is_made_once(tmp_path, monkeypatch):
    import keras

    keras.utils.set_random_seed(0)
    x = keras.Input((16,))
    h = keras.layers.BatchNormalization()(keras.layers.Dense(16, name="hidden")(x))
    model = keras.Model(x, keras.layers.Dense(4, name="linear")(h))
    rng = np.random.default_rng(0)
    examples = (rng.standard_normal((64, 3)) @ rng.standard_normal((3, 16))).astype("float32")
    outputs = np.asarray(model(examples))

    def score(other):
        return -float(np.square(np.asarray(other(examples)) - outputs).mean())

    subject = one_shot.Subject(model, score, lambda seed: examples[seed:], recalibrates=True)
    monkeypatch.setattr(one_shot, "cifar10", lambda data: subject)
    monkeypatch.setitem(one_shot.EXCLUDED, "cifar10", ["linear"])
    for _ in range(2):
        one_shot.run("cifar10", [("4x1", 0.5)], 2, tmp_path, tmp_path)
        monkeypatch.setattr(one_shot, "trial", None)
    found = one_shot._read(tmp_path, "cifar10", "4x1", 0.5)
    assert len(found) == 2
    for one in found:
        assert one["sparsity"] == pytest.approx(0.5)
        assert one["one-shot"] > one["magnitude"]
        # One kernel alone has nothing to divide.
        assert one["allocated"] == pytest.approx(one["one-shot"], rel=0.05)
