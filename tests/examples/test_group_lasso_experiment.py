import json

import group_lasso_experiment as experiment
import numpy as np
import pytest
import results


def test_measures_are_their_formulas():
    logits = np.array([[2.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    dense = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    labels = np.array([0, 1, 0])
    p, q = (np.exp(z) / np.exp(z).sum(1, keepdims=True) for z in (dense, logits))
    found = experiment.measures(logits, dense, labels)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["loss"] == pytest.approx(-np.log(q[[0, 1, 2], labels]).mean())
    assert found["divergence"] == pytest.approx((p * np.log(p / q)).sum(1).mean())
    assert experiment.measures(dense, dense, labels)["divergence"] == pytest.approx(0, abs=1e-12)


def fill(folder, arm, seed, divergence):
    found = {"accuracy": 0.8, "loss": 0.4, "divergence": divergence}
    folder.mkdir(exist_ok=True)
    experiment.file_of(folder, arm, seed).write_text(json.dumps(found))


def row(text, arm):
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {arm} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_arms_are_compared_seed_by_seed(tmp_path):
    arm, baseline = "magnitude, proximal", "magnitude"
    for seed, before, after in [(0, 0.10, 0.13), (1, 0.20, 0.21)]:
        fill(tmp_path, baseline, seed, before)
        fill(tmp_path, arm, seed, after)
    fill(tmp_path, arm, 2, 0.17)  # without its pair
    text = experiment.table(tmp_path)
    assert row(text, baseline) == [baseline, "2", "80.00%", "0.4000", "0.1500", ""]
    assert row(text, arm) == [arm, "3", "80.00%", "0.4000", "0.1700", "+0.0200 ± 0.0100"]


def test_arms_that_were_not_run_say_so(tmp_path):
    fill(tmp_path, "magnitude", 0, 0.1)
    assert experiment.table(tmp_path).count("not run") == len(experiment.ARMS) - 1
    assert experiment.table(tmp_path) in results.document({}, tmp_path, tmp_path / "absent")
    assert "Group lasso, SST-2" not in results.document(
        {}, tmp_path / "absent", tmp_path / "absent"
    )


def test_every_arm_is_one_that_bert_mini_understands():
    import bert_mini

    files = {experiment.file_of(experiment.FOLDER, arm, 0) for arm in experiment.ARMS}
    assert len(files) == len(experiment.ARMS)
    for words, baseline in experiment.ARMS.values():
        arguments = bert_mini.parsed([*experiment.COMMON.split(), *words.split()])
        assert bool(arguments.group_lasso) == (baseline is not None)
