import numpy as np
import pytest

from tfsparse.pruning.clock import Clock
from tfsparse.pruning.training_progress import TrainingProgress


def make(epochs=4, steps=10, iterations=0, batches_per_step=1):
    return TrainingProgress({"epochs": epochs, "steps": steps}, iterations, batches_per_step)


def clock(begin, end, offset=0):
    return Clock(np.zeros(Clock.SHAPE), offset=offset, begin=begin, end=end)


def run(progress, epochs, batches=10):
    for epoch in epochs:
        progress.begin_epoch(epoch)
        progress.end_batch(batches - 1)


def test_remaining_steps_count_from_the_epoch_that_begins():
    progress = make()
    progress.begin_epoch(1)
    assert progress.remaining_steps() == 30


def test_remaining_steps_are_those_of_the_optimizer():
    assert make(epochs=3, steps=7, batches_per_step=4).remaining_steps() == 5


@pytest.mark.parametrize("params", [{}, {"epochs": 3}, {"epochs": 3, "steps": None}])
def test_a_length_that_is_not_known_is_none(params):
    assert TrainingProgress(params, 0).remaining_steps() is None


def test_the_last_epoch_is_known_by_its_number():
    progress = make(epochs=3)
    progress.begin_epoch(1)
    assert not progress.is_last_epoch()
    progress.begin_epoch(2)
    assert progress.is_last_epoch()


def test_a_training_ends_although_a_loss_scale_skipped_steps():
    progress = make()
    run(progress, range(3))
    assert not progress.has_ended(clock(0, 40))
    run(progress, [3])
    assert progress.has_ended(clock(0, 40))


def test_a_part_of_a_longer_training_is_not_its_end():
    progress = make(epochs=2)
    run(progress, range(2))
    assert not progress.has_ended(clock(0, 40))


def test_a_later_part_counts_from_where_it_began():
    progress = make(epochs=2, iterations=20)
    run(progress, range(2))
    assert progress.has_ended(clock(0, 40))
    # A new optimizer counts from 0; the clock knows what came before.
    progress = make(epochs=2)
    run(progress, range(2))
    assert progress.has_ended(clock(0, 40, offset=20))


def test_epochs_before_a_resumption_are_of_the_same_training():
    # The optimizer came to 17 only, because steps were skipped before.
    progress = make(epochs=4, iterations=17)
    run(progress, [2, 3])
    assert progress.has_ended(clock(0, 40))


def test_batches_of_an_execution_beyond_the_data_do_not_count():
    progress = make(epochs=2, steps=12)
    run(progress, range(2), batches=15)  # three executions of five
    assert progress.batches == 12
    assert not progress.has_ended(clock(0, 30))


def test_an_epoch_that_ends_early_counts_with_what_it_had():
    progress = make(epochs=2, steps=None)
    run(progress, range(2), batches=6)
    assert progress.has_ended(clock(0, 12))
    assert not progress.has_ended(clock(0, 13))
