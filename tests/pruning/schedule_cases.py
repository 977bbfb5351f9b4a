"""Schedules of every class, drawn at random, for laws that hold for all of them."""

import random

from tfsparse.pruning.constant_schedules import ConstantSparsity, OneShot, PatternLock
from tfsparse.pruning.ramps import CosineDecay, ExponentialDecay, LinearDecay, PolynomialDecay
from tfsparse.pruning.tabulated_schedule import TabulatedSchedule

RAMPS = [PolynomialDecay, ExponentialDecay, CosineDecay, LinearDecay]
CLASSES = [*RAMPS, ConstantSparsity, OneShot, PatternLock, TabulatedSchedule]


def steps(rng):
    """A beginning, an end and a frequency; the end may be the beginning."""
    begin = rng.randrange(20)
    return begin, begin + rng.choice([0, 1, rng.randrange(60)]), rng.randrange(1, 20)


def ramp(cls, rng, **arguments):
    """A ramp that does not fall."""
    begin, end, frequency = steps(rng)
    initial, final = sorted(rng.choice([0.0, rng.random(), 0.9]) for _ in range(2))
    if cls is PolynomialDecay:
        arguments.setdefault("power", rng.choice([0.5, 1, 2, 3, rng.uniform(0.1, 9)]))
    return cls(initial, final, begin, end, frequency=frequency, **arguments)


def schedule(cls, rng):
    """Any schedule of a class; it may have no end."""
    if cls in RAMPS:
        return ramp(cls, rng)
    if cls is ConstantSparsity:
        begin, end, frequency = steps(rng)
        return cls(rng.random(), begin, rng.choice([-1, end]), frequency)
    if cls is OneShot:
        return cls(rng.random())
    if cls is TabulatedSchedule:
        table = sorted(rng.sample(range(60), rng.randrange(1, 9)))
        return cls(table, sorted(rng.random() for _ in table))
    return cls()


def schedules(cls, count=40):
    """`count` schedules, the same ones in every run."""
    rng = random.Random(cls.__name__)
    return [schedule(cls, rng) for _ in range(count)]
