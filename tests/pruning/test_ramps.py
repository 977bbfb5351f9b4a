import importlib.util
import itertools
import random
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from tfsparse.pruning.ramps import CosineDecay, ExponentialDecay, LinearDecay, PolynomialDecay

from .schedule_cases import RAMPS, ramp

# The formulas of the docstrings, from the initial and final sparsity and the progress.
FORMULAS = {
    PolynomialDecay: lambda a, b, p: b + (a - b) * (1 - p) ** 3,
    ExponentialDecay: lambda a, b, p: 1 - (1 - a) * ((1 - b) / (1 - a)) ** p,
    CosineDecay: lambda a, b, p: a + (b - a) * (1 - np.cos(np.pi * p)) / 2,
    LinearDecay: lambda a, b, p: a + (b - a) * p,
}
# What the arithmetic of each allows: float32 and float64.
TOLERANCE = {PolynomialDecay: 3e-7, ExponentialDecay: 1e-15, CosineDecay: 1e-15, LinearDecay: 1e-15}


def test_final_update_is_made_where_frequency_misses_the_end():
    schedule = PolynomialDecay(0.0, 0.9, begin_step=0, end_step=19, frequency=10)
    assert [step for step in range(60) if schedule(step)[0]] == [0, 10, 19]
    assert schedule.sparsity(19) == 0.9


@pytest.mark.parametrize("cls", RAMPS)
@pytest.mark.parametrize("ends", [(0.0, 0.9), (0.2, 0.8), (0.5, 0.5), (0.8, 0.3), (0.0, 0.999)])
def test_values_are_those_of_the_formula(cls, ends):
    schedule = cls(*ends, begin_step=10, end_step=47)
    for step in range(10, 48):
        expected = FORMULAS[cls](*ends, (step - 10) / 37)
        assert schedule.sparsity(step) == pytest.approx(expected, abs=TOLERANCE[cls]), step


@pytest.mark.parametrize("cls", RAMPS)
def test_sparsity_is_the_initial_one_up_to_the_beginning(cls):
    schedule = cls(0.3, 0.8, begin_step=10, end_step=20)
    for step in (0, 9, 10):
        assert schedule.sparsity(step) == pytest.approx(0.3, abs=3e-8)
    assert schedule.sparsity(11) > 0.3001


@pytest.mark.parametrize("cls", RAMPS)
def test_a_ramp_may_have_no_length(cls):
    schedule = cls(0.25, 0.75, begin_step=7, end_step=7)
    assert [schedule(step) for step in (6, 7, 8)] == [(False, 0.25), (True, 0.75), (False, 0.75)]


@pytest.mark.parametrize("cls", RAMPS)
def test_falling_ramps_fall_to_their_target(cls):
    rng = random.Random(1)
    for _ in range(20):
        config = ramp(cls, rng).get_config()
        initial, final = config.pop("final_sparsity") + 0.01, config.pop("initial_sparsity")
        down = cls(min(initial, 0.999), final, **config)
        values = [down.sparsity(step) for step in range(90)]
        assert all(a >= b for a, b in itertools.pairwise(values)), down
        assert min(values) == values[-1] == down.target


def test_rounding_does_not_lead_past_the_target():
    # The float32 nearest to 0.8 is above it, and pruned blocks do not come back.
    schedule = PolynomialDecay(0.0, 0.8, begin_step=0, end_step=1000)
    assert float(np.float32(0.8)) > 0.8
    assert max(schedule.sparsity(step) for step in range(980, 1001)) == 0.8


def test_a_ramp_of_power_one_is_linear():
    for step in range(12):
        linear = LinearDecay(0.1, 0.7, 2, 9).sparsity(step)
        assert PolynomialDecay(0.1, 0.7, 2, 9, power=1).sparsity(step) == pytest.approx(linear)


def test_exponential_decay_removes_the_same_share_each_time():
    schedule = ExponentialDecay(0.2, 0.95, begin_step=0, end_step=12)
    density = [1 - schedule.sparsity(step) for step in range(13)]
    shares = [after / before for before, after in itertools.pairwise(density)]
    assert shares == pytest.approx([(0.05 / 0.8) ** (1 / 12)] * 12)


def test_cosine_decay_is_symmetric():
    schedule = CosineDecay(0.0, 0.8, begin_step=0, end_step=20)
    for step in range(11):
        assert schedule.sparsity(step) + schedule.sparsity(20 - step) == pytest.approx(0.8)


@pytest.mark.parametrize("power", [0, -1, float("nan"), float("inf"), True, "3", None])
def test_wrong_powers_are_named(power):
    with pytest.raises(ValueError, match=f"`power` should be .* Received: power={power!r}"):
        PolynomialDecay(0.0, 0.5, 0, 9, power=power)


@pytest.mark.parametrize("cls", RAMPS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"end_step": -1}, "end_step=-1"),
        ({"end_step": 4}, "end_step=4"),
        ({"final_sparsity": 1.0}, "final_sparsity=1.0"),
        ({"initial_sparsity": -0.1}, "initial_sparsity=-0.1"),
    ],
)
def test_wrong_arguments_are_named(cls, arguments, message):
    good = {"initial_sparsity": 0.0, "final_sparsity": 0.9, "begin_step": 5, "end_step": 9}
    with pytest.raises(ValueError, match=message):
        cls(**{**good, **arguments})


# TensorFlow Model Optimization sets an environment variable when imported, so it
# gets a process of its own. It prints its own values.
_THEIRS = """
    import sys
    import tensorflow_model_optimization as tfmot
    PolynomialDecay = tfmot.sparsity.keras.PolynomialDecay
    for arguments in {cases}:
        schedule = PolynomialDecay(*arguments)
        for step in range(0, arguments[3] + 5):
            due, sparsity = schedule(step)
            print(int(due), float(sparsity.numpy()).hex())
"""


def tfmot_cases():
    rng = random.Random(0)
    cases = [(0.0, 0.9, 0, 19, 3, 10), (0.2, 0.85, 7, 307, 3, 13), (0.5, 0.75, 3, 203, 4.5, 1)]
    for _ in range(20):
        begin = rng.randrange(10)
        end = begin + rng.randrange(1, 50)
        power = rng.choice([1, 2, 3, round(rng.uniform(0.2, 8), 3)])
        cases.append((rng.random(), rng.random(), begin, end, power, rng.randrange(1, 12)))
    return cases


@pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_model_optimization") is None,
    reason="tensorflow_model_optimization is not installed",
)
@pytest.mark.long
def test_values_equal_those_of_tensorflow_model_optimization_bit_for_bit():
    cases = tfmot_cases()
    script = textwrap.dedent(_THEIRS).format(cases=cases)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = [line.split() for line in done.stdout.splitlines()]
    ours, extra = [], 0
    for arguments in cases:
        schedule = PolynomialDecay(*arguments)
        for step in range(0, arguments[3] + 5):
            ours.append((schedule(step), step == arguments[3]))
    assert len(ours) == len(theirs)
    for ((due, sparsity), is_end), (their_due, their_sparsity) in zip(ours, theirs, strict=True):
        assert float(np.float32(sparsity)).hex() == their_sparsity
        assert due == bool(int(their_due)) or is_end
        extra += due and not int(their_due)
    assert extra >= 1  # the final update that (0, 19, 10) leaves out there
