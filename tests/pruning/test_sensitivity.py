import dataclasses
import json

import numpy as np
import pytest

import tfsparse
from tfsparse.conversion.inspecting import inspect_model
from tfsparse.pruning.sensitivity_choice import Sensitivity
from tfsparse.pruning.sensitivity_report import SensitivityReport

from .helpers import FEATURES, compile_model, data, dense_model

pytestmark = pytest.mark.one_keras


def trained(keras, **options):
    model = compile_model(keras, dense_model(keras), metrics=["accuracy"], **options)
    x, y = data()
    model.fit(x, y, verbose=0, epochs=3)
    return model, (x, y)


def test_each_kernel_is_pruned_alone_and_put_back(keras):
    model, (x, y) = trained(keras)
    before = model.get_weights()
    expected = model.evaluate(x, y, verbose=0, return_dict=True)
    seen = []

    def look(model):
        seen.append([np.mean(w == 0) for w in model.get_weights() if w.ndim == 2])
        return model.evaluate(x, y, verbose=0, return_dict=True)

    report = tfsparse.sensitivity(
        model, look, patterns=["4x1", "2:4"], sparsities=[0.25, 0.75], verbose=0
    )
    assert [(r.kernel, r.pattern, r.sparsity, r.actual_sparsity) for r in report.rows] == [
        ("hidden", "4x1", 0.25, 0.25),
        ("hidden", "4x1", 0.75, 0.75),
        ("hidden", "2:4", 0.5, 0.5),
        ("logits", "4x1", 0.25, 0.25),
        ("logits", "4x1", 0.75, 0.75),
        ("logits", "2:4", 0.5, 0.5),
    ]
    assert seen == [
        [0, 0],
        *([0.25, 0], [0.75, 0], [0.5, 0]),
        *([0, 0.25], [0, 0.75], [0, 0.5]),
    ]
    assert report.baseline == pytest.approx(expected)
    for weight, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_data_of_every_kind_says_the_same(keras):
    import tensorflow as tf

    model, (x, y) = trained(keras)
    kinds = [(x, y), tf.data.Dataset.from_tensor_slices((x, y)).batch(32)]
    reports = [tfsparse.sensitivity(model, kind, verbose=0) for kind in kinds]
    reports.append(
        tfsparse.sensitivity(
            model, lambda m: m.evaluate(x, y, verbose=0, return_dict=True), verbose=0
        )
    )
    for report in reports:
        for row, expected in zip(report.rows, reports[0].rows, strict=True):
            assert row.metrics == pytest.approx(expected.metrics, rel=1e-4)


def test_the_lowest_blocks_go_first(keras):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, use_bias=False)])
    model.set_weights([np.array([[3.0], [1.0], [4.0], [2.0]]) * np.ones((4, 4))])
    report = tfsparse.sensitivity(
        model,
        lambda m: {"left": np.sum(m(np.ones((1, 4), "float32")))},
        sparsities=[0.25, 0.5, 0.75],
        verbose=0,
    )
    assert [row.metrics["left"] for row in report.rows] == [36.0, 28.0, 16.0]


def test_weights_are_put_back_when_an_evaluation_fails(keras):
    model, _ = trained(keras)
    before = model.get_weights()
    calls = []

    def fail_later(model):
        calls.append(model)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return 1.0

    with pytest.raises(KeyboardInterrupt):
        tfsparse.sensitivity(model, fail_later, verbose=0)
    assert len(calls) == 3
    for weight, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_kernels_inside_attention_and_nested_models_have_paths(keras):
    inner = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(4)],
        name="inner",
    )
    x = keras.Input((5, 6))
    attended = keras.layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    model = keras.Model(x, keras.layers.TimeDistributed(inner, name="each")(attended))
    report = tfsparse.sensitivity(
        model, lambda m: float(np.sum(m(np.ones((1, 5, 6), "float32")))), verbose=0
    )
    paths = {row.kernel for row in report.rows}
    assert {f"attention/{name}" for name in ("query", "key", "value")} <= paths
    assert any(path.startswith("each/inner/") for path in paths)


def test_suggestions_are_overrides_that_prune_block_takes(keras):
    model, (x, y) = trained(keras)
    report = tfsparse.sensitivity(model, (x, y), sparsities=[0.25, 0.5], verbose=0)
    everything = report.suggest(max_loss=1e9, metric="loss")
    assert everything == {
        name: {"pattern": "4x1", "schedule": 0.5} for name in ("hidden", "logits")
    }
    assert report.suggest(-1e9) == {"hidden": None, "logits": None}
    overrides = {"hidden": everything["hidden"], "logits": None}
    pruned = tfsparse.prune_block(model, overrides=overrides)
    assert pruned.get_layer("hidden").schedule.target == 0.5


def rows(metric, values):
    return SensitivityReport(
        tuple(Sensitivity("a", "4x1", s, s, {metric: v}) for s, v in values.items()), {metric: 1.0}
    )


def test_suggestions_know_which_way_a_metric_goes():
    worse_when_lower = rows("val_accuracy", {0.5: 0.99, 0.9: 0.5})
    assert worse_when_lower.suggest(0.05)["a"]["schedule"] == 0.5
    worse_when_higher = rows("loss", {0.5: 1.5, 0.9: 0.5})
    assert worse_when_higher.suggest(0.05)["a"]["schedule"] == 0.9
    score = rows("score", {0.5: 0.5})
    with pytest.raises(ValueError, match="mode='auto'"):
        score.suggest(0.1)
    assert score.suggest(0.1, mode="max") == {"a": None}
    assert score.suggest(0.1, mode="min")["a"]["schedule"] == 0.5


def test_table_and_dict(keras):
    model, sample = trained(keras)
    report = tfsparse.sensitivity(model, sample, ["4x1", "2:4"], [0.25, 0.9], verbose=0)
    lines = str(report).splitlines()
    assert lines[0].startswith("accuracy; ") and lines[1].split() == [
        *("kernel", "pattern", "25%", "50%", "90%")
    ]
    assert len({len(line) for line in lines[1:3]}) == 1 and len(lines) == 6
    assert report.table("loss").startswith("loss; ")
    assert json.loads(json.dumps(report.as_dict()))["rows"][0]["kernel"] == "hidden"
    with pytest.raises(ValueError, match="metric='nothing'"):
        report.table("nothing")


def test_plot_has_a_curve_for_each_kernel(tmp_path):
    pytest.importorskip("matplotlib")
    many = tuple(
        Sensitivity(f"encoder/{n}/query", p, s, s, {"loss": 1 + n * s / 9})
        for n in range(23)
        for p in ("4x1", "16x4")
        for s in (0.5, 0.9)
    )
    figure = SensitivityReport(many, {"loss": 1.0}).plot(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]
    panels = figure.axes
    assert [panel.get_title() for panel in panels] == ["4x1", "16x4"]
    drawn = [line for line in panels[0].lines if not line.get_label().startswith("_")]
    assert [list(line.get_xdata()) for line in drawn] == [[0.0, 50.0, 90.0]] * 23
    looks = {(line.get_color(), line.get_linestyle()) for line in drawn}
    assert len(looks) == 23


def test_progress_is_shown(keras, capsys):
    model, sample = trained(keras)
    tfsparse.sensitivity(model, sample, sparsities=[0.5])
    assert "[1/2] hidden: " in capsys.readouterr().err
    tfsparse.sensitivity(model, sample, sparsities=[0.5], verbose=0)
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patterns": "4x1"}, "patterns='4x1'"),
        ({"patterns": []}, r"patterns=\[\]"),
        ({"patterns": ["4by1"]}, "pattern='4by1'"),
        ({"sparsities": 0.5}, "sparsities=0.5"),
        ({"sparsities": [1.0]}, "sparsities"),
        ({"criterion": "gradient"}, "criterion='gradient'"),
        ({"data": (1, 2, 3, 4)}, "a tuple of length 4"),
        ({"data": lambda model: None}, "one that returned None"),
        ({"data": lambda model: {"score": "high"}}, "one that returned {'score': 'high'}"),
    ],
)
def test_wrong_arguments_are_named(keras, arguments, message):
    model = compile_model(keras, dense_model(keras))
    with pytest.raises(ValueError, match=message):
        tfsparse.sensitivity(model, **{"data": data(), "verbose": 0, **arguments})


def test_wrong_models_are_named(keras):
    with pytest.raises(ValueError, match="compiled with a loss"):
        tfsparse.sensitivity(dense_model(keras), data(), verbose=0)
    with pytest.raises(ValueError, match="should be a model that is built"):
        tfsparse.sensitivity(keras.layers.Dense(4), data(), verbose=0)
    pruned = compile_model(keras, tfsparse.prune_block(dense_model(keras)))
    with pytest.raises(ValueError, match="`strip_pruning` takes them off"):
        tfsparse.sensitivity(pruned, data(), verbose=0)
    flat = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Activation("relu")])
    flat.compile(loss="mse")
    with pytest.raises(ValueError, match="a layer that can be pruned"):
        tfsparse.sensitivity(flat, data(), verbose=0)


def deep(keras):
    """Two layers of which one is seen through by data of few directions, and one is not."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(32, name=name) for name in ("easy", "hard")]
    model = keras.Sequential([keras.Input((32,)), *layers])
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((128, 4)) @ rng.standard_normal((4, 32))).astype("float32")
    before = np.asarray(model(x))
    return model, x, lambda one: {"loss": np.square(np.asarray(one(x)) - before).mean()}


def test_the_solver_loses_less_than_magnitude_and_puts_everything_back(keras):
    model, x, score = deep(keras)
    weights = model.get_weights()
    reports = {
        name: tfsparse.sensitivity(
            model, score, ["4x1", "2:4"], [0.5, 0.75], verbose=0, calibration_data=data
        )
        for name, data in (("magnitude", None), ("solved", x))
    }
    for weight, before in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, before)
    assert len(reports["solved"].rows) == 6
    for solved, magnitude in zip(reports["solved"].rows, reports["magnitude"].rows, strict=True):
        assert (solved.kernel, solved.pattern) == (magnitude.kernel, magnitude.pattern)
        assert solved.actual_sparsity == pytest.approx(magnitude.actual_sparsity)
        assert solved.metrics["loss"] < 0.5 * magnitude.metrics["loss"]


def test_a_trial_is_what_prune_one_shot_does(keras):
    model, x, score = deep(keras)
    report = tfsparse.sensitivity(
        model, score, ["4x1"], [0.25, 0.75], verbose=0, calibration_data=x
    )
    for row in report.rows:
        pruned = tfsparse.prune_one_shot(
            model, x, "4x1", row.sparsity, exclude=[lambda one, row=row: one.name != row.kernel]
        )
        # Ranked further here, so that rows of blocks may differ more.
        assert row.metrics["loss"] == pytest.approx(score(pruned)["loss"], rel=0.05)


def test_speed_ups_are_those_that_inspection_predicts(keras, tmp_path):
    model, _, score = deep(keras)
    use = tfsparse.Speedup(1.5, batch_size=4096)
    report = tfsparse.sensitivity(model, score, ["4x1"], [0.5, 0.9], verbose=0, speedup=use)
    rows = [row for row in report.rows if row.kernel == "easy"]
    assert report.speedup == 1.0 and report.goal == 1.5
    for row in rows:
        pruned = tfsparse.prune_block(
            model, "4x1", tfsparse.OneShot(row.sparsity), exclude=["hard"]
        )
        found = inspect_model(tfsparse.strip_pruning(pruned), "fp32", batch_size=4096)
        assert row.speedup == pytest.approx(found.speedup, rel=0.03)
    assert len(report.plot(tmp_path / "a.svg", against="speedup").axes) == 1


def with_speedups():
    """A kernel that brings much and costs little, and one that is the other way round."""
    rows = [("big", 0.5, 0.1, 1.6), ("big", 0.9, 0.4, 2.0), ("small", 0.5, 0.25, 1.1)]
    rows = [Sensitivity(k, "4x1", s, s, {"loss": 1 + lost}, up) for k, s, lost, up in rows]
    return SensitivityReport(tuple(rows), {"loss": 1.0}, 1.0, 1.5)


def test_a_speed_up_is_reached_with_the_least_loss():
    report = with_speedups()
    half = {"pattern": "4x1", "schedule": 0.5}
    assert report.suggest() == {"big": half, "small": None}
    assert report.suggest(speedup=1.7) == {"big": half, "small": half}
    assert report.suggest(speedup=2.0) == {"big": {**half, "schedule": 0.9}, "small": None}
    assert report.suggest(0.2) == {"big": half, "small": None}


def test_a_speed_up_has_to_be_known_and_possible():
    report = with_speedups()
    with pytest.raises(ValueError, match=r"should be at most 2\.44"):
        report.suggest(speedup=3.0)
    with pytest.raises(ValueError, match="and not both"):
        report.suggest(0.1, speedup=2.0)
    with pytest.raises(ValueError, match="`against` should be"):
        report.plot(against="time")
    unknown = SensitivityReport(report.rows, report.baseline)
    with pytest.raises(ValueError, match="`speedup` should be given to"):
        unknown.suggest(speedup=2.0)
    with pytest.raises(ValueError, match="Received: neither"):
        dataclasses.replace(report, goal=None).suggest()
