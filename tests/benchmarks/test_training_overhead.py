"""The benchmark runs on tiny models, and its figures are right where they can be known."""

import argparse
import importlib
import json

import numpy as np
import pytest

import tfsparse
from benchmarks import step_parts, step_timing, training_overhead, training_variants
from benchmarks.training_models import CASES, Case, mlp, resnet20, transformer

FEATURES, UNITS, CLASSES, BATCH = 12, 16, 8, 4
KERNELS = ((FEATURES, UNITS), (UNITS, UNITS), (UNITS, UNITS), (UNITS, CLASSES))
KERNEL_BYTES = 4 * sum(inputs * outputs for inputs, outputs in KERNELS)
HAS_TFMOT = importlib.util.find_spec("tensorflow_model_optimization") is not None

TINY = Case(
    "tiny MLP",
    lambda keras: mlp(keras, FEATURES, UNITS, CLASSES),
    lambda size: (np.ones((size, FEATURES), "float32"), np.arange(size) % CLASSES),
    BATCH,
)


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    return importlib.import_module(request.param)


def prepared(name, keras):
    batch = TINY.batch(BATCH)
    return training_variants.prepare(name, keras, TINY.build(keras), batch, "4x1", 0.75)


def zeros(kernel):
    return float(np.mean(kernel.numpy() == 0))


def test_the_bytes_of_masks_and_clocks_are_counted_to_the_last(keras):
    dense, pruned = prepared("dense", keras), prepared("tfsparse", keras)
    # A flag of one byte for every block of four weights, a clock of five int64 for every layer.
    assert training_variants.state_bytes(pruned, dense) == (
        KERNEL_BYTES // 16 + len(KERNELS) * 5 * 8,
        KERNEL_BYTES,
    )


def of_tfmot():
    """Bytes, kernels and updates of a model of TFMOT; for a process of its own.

    TFMOT changes the environment when it is imported, which is no good for other tests.
    """
    keras = importlib.import_module("tf_keras")
    dense, pruned = prepared("dense", keras), prepared("TFMOT", keras)
    counted = training_variants.state_bytes(pruned, dense)
    for _ in range(3):
        pruned.step()
    arguments = (keras, TINY.build(keras), "4x1", 0.75, 2)
    seconds = training_variants.update_seconds("TFMOT", *arguments)
    return counted, len(pruned.pruned), len(seconds)


@pytest.mark.skipif(not HAS_TFMOT, reason="tensorflow_model_optimization is not installed")
@pytest.mark.long
def test_tfmot_is_measured_in_the_same_way():
    counted, kernels, updates = step_timing.in_new_process(of_tfmot)
    # A float32 mask of every weight, a threshold of four bytes and a step of eight for a layer.
    assert counted == (KERNEL_BYTES + len(KERNELS) * (4 + 8), KERNEL_BYTES)
    assert (kernels, updates) == (len(KERNELS), 2)


@pytest.mark.one_keras
def test_steps_train_what_they_say(keras):
    for name in training_variants.VARIANTS[:2]:
        variant = prepared(name, keras)
        before = [np.array(weight.numpy()) for weight in variant.model.trainable_variables]
        variant.step()
        after = [weight.numpy() for weight in variant.model.trainable_variables]
        assert any((old != new).any() for old, new in zip(before, after, strict=True))
        assert len(variant.pruned) == (0 if name == "dense" else len(KERNELS))
        assert int(variant.model.optimizer.iterations.numpy()) == 1
        if name == "tfsparse":
            assert all(zeros(kernel) == 0.75 for kernel in variant.pruned)


def test_updates_reach_the_sparsity(keras, monkeypatch):
    checked = []
    monkeypatch.setattr(
        training_variants, "_check", lambda kernels, _: checked.extend(map(zeros, kernels))
    )
    arguments = (keras, TINY.build(keras), "4x1", 0.75, 3)
    seconds = training_variants.update_seconds("tfsparse", *arguments)
    assert len(seconds) == 3 and all(second > 0 for second in seconds)
    assert checked == [0.75] * len(KERNELS)


def test_an_update_that_did_nothing_is_no_figure(keras):
    model = TINY.build(keras)
    with pytest.raises(RuntimeError, match="75% of a kernel"):
        training_variants._check([layer.kernel for layer in model.layers], 0.75)


class Clock:
    """A clock that stands still but for what a step takes."""

    def __init__(self):
        self.wall = self.cpu = 0.0
        self.slow = 1.0

    def step(self, wall, cpu):
        def advance():
            self.wall += wall * self.slow
            self.cpu += cpu
            self.slow += 0.25  # the machine becomes slower and slower

        return advance

    def perf_counter(self):
        return self.wall

    def process_time(self):
        return self.cpu


def test_time_is_measured_in_turns(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(step_timing, "time", clock)
    steps = [clock.step(0.5, 1.0), clock.step(0.75, 1.2)]
    dense, pruned = step_timing.time_in_turns(steps, seconds=1000)
    assert (dense.over, dense.cpu_over) == (0.0, 0.0)
    assert dense.cpu_ms == pytest.approx(1000) and pruned.cpu_ms == pytest.approx(1200)
    assert pruned.cpu_over == pytest.approx(0.2)
    # What slows the machine down in the meantime is in both medians and hardly in the quotient.
    assert dense.ms > 2 * 500
    assert pruned.over == pytest.approx(0.5, abs=0.1)


def test_memory_is_what_comes_on_top():
    np.ones(256 * 2**20, np.uint8)  # an earlier peak, which does not count
    hold = []
    mib = step_timing.peak_mib(lambda: hold.append(np.ones(64 * 2**20, np.uint8)))
    if mib is None:
        pytest.skip("this system does not tell the peak of memory")
    assert mib == pytest.approx(64, abs=8)
    assert step_timing.peak_mib(lambda: None) < 8


def test_processes_answer_raise_and_end():
    assert step_timing.in_new_process(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        step_timing.in_new_process(divmod, 7, 0)
    with pytest.raises(RuntimeError, match="ended with code 3"):
        step_timing.in_new_process(importlib.import_module("os")._exit, 3)


@pytest.mark.long
def test_parts_are_halves_of_a_step(keras):
    variants = [prepared(name, keras) for name in ("dense", "tfsparse")]
    for variant in variants:
        variant.step()
    rows = step_parts.time_parts(keras, variants, TINY.batch(BATCH), seconds=0.01)
    assert [(row["part"], row["variant"]) for row in rows] == [
        ("gradients", "dense"),
        ("gradients", "tfsparse"),
        ("optimizer", "dense"),
        ("optimizer", "tfsparse"),
    ]
    weights = variants[0].model.count_params()
    assert all(row["ns_per_weight"] == 1e6 * row["cpu_ms"] / weights for row in rows)
    # The optimizer's half trains, so the constraints run in it.
    assert int(variants[1].model.optimizer.iterations.numpy()) > 1


@pytest.mark.long
def test_the_whole_benchmark_on_a_tiny_model(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(CASES, "mlp", TINY)
    monkeypatch.setattr(step_timing, "in_new_process", lambda function, *rest: function(*rest))
    file = tmp_path / "figures" / "out.json"
    options = ["--models", "mlp", "--keras", "keras", "--seconds", "0.01", "--sparsity", "0.75"]
    options += ["--large-layers", "2", "--large-units", "16", "--parts", "--json", str(file)]
    rows = training_overhead.main(options)

    written = json.loads(file.read_text())
    assert written["rows"] == json.loads(json.dumps(rows))
    assert [path.name for path in file.parent.iterdir()] == ["out.json"]
    dense, pruned, *parts, large = rows
    assert (dense["variant"], pruned["variant"]) == ("dense", "tfsparse")
    assert pruned["ms_per_step"] > 0 and len(pruned["update_s"]) == training_overhead.UPDATES
    assert len(parts) == 4 and large["weights"] == 2 * 16**2

    lines = capsys.readouterr().out.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("Keras "))
    header, first, second, target = lines[start : start + 4]
    assert first.split()[:2] == ["keras", "dense"] and second.split()[:2] == ["keras", "tfsparse"]
    ratio = f"{(KERNEL_BYTES // 16 + len(KERNELS) * 5 * 8) / KERNEL_BYTES:.4f}"
    assert ratio in second.split()
    assert second.index(ratio) + len(ratio) == header.index("state") + len("state")
    assert "<= 5%" in target and "<= 1/8" in target
    assert any("target < 2 s" in line for line in lines)


def test_what_was_not_measured_is_left_blank():
    row = {"keras": "keras", "variant": "tfsparse", "ms_per_step": 2.0, "over_dense": 0.04}
    row |= {"cpu_over_dense": 0.03, "state_bytes": 1, "pruned_kernel_bytes": 16, "update_s": [0.5]}
    row |= {"peak_mib": None, "peak_over_dense": None}
    shown = ("keras", "tfsparse", "2.00", "+4.0%", "+3.0%", "", "", "0.0625", "500.0")
    assert training_overhead._cells(row) == shown
    cells = training_overhead._cells({**row, "peak_mib": 150.4, "peak_over_dense": 0.5})
    assert cells[5:7] == ("150", "+50.0%")


def test_help_says_what_the_columns_mean(capsys):
    with pytest.raises(SystemExit):
        training_overhead.parser().parse_args(["--help"])
    text = capsys.readouterr().out
    assert all(column in text for column in ("over dense", "cpu", "MiB", "state", "update"))


def test_tfmot_is_left_out_where_it_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    rows = training_overhead.main(["--models", "--large-layers", "0"])
    assert rows == [] and "TFMOT is not installed" in capsys.readouterr().out
    options = argparse.Namespace(tfmot=False)
    assert training_overhead._variants("tf_keras", options) == ("dense", "tfsparse")


@pytest.mark.parametrize(
    ("model", "kernels"),
    [
        (lambda keras: resnet20(keras, size=8, width=4, blocks=1), 10),
        (lambda keras: transformer(keras, tokens=4, width=8, heads=2, depth=1, words=9), 7),
    ],
)
@pytest.mark.one_keras
def test_every_kernel_of_the_models_is_pruned(keras, model, kernels):
    pruned = tfsparse.prune_block(model(keras), "4x1", tfsparse.OneShot(0.5))
    assert len(training_variants.tfsparse_kernels(pruned)) == kernels


def test_the_models_have_the_sizes_they_are_known_by(keras):
    assert mlp(keras).count_params() == 784 * 1024 + 2 * 1024**2 + 1024 * 10 + 3 * 1024 + 10
    # 20 layers with weights besides the shortcuts: the stem, 3 x 3 x 2, the classifier.
    convolutions = [layer.name for layer in resnet20(keras).layers if "Conv2D" in str(type(layer))]
    assert len([name for name in convolutions if "shortcut" not in name]) == 19
