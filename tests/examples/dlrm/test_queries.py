"""Samples are as long as MLPerf's, and Zipf's ids repeat."""

import numpy as np
import pytest
from dlrm.queries import LEAST, MEAN, MOST, draw


@pytest.mark.parametrize("count", [50, 4000])
def test_samples_are_as_long_as_they_should_be(count):
    samples = draw(count, [10, 3], "uniform")
    lengths = np.diff(samples.first)
    assert len(samples) == count
    assert lengths.min() >= LEAST and lengths.max() <= MOST
    assert samples.mean_items == pytest.approx(MEAN, rel=0.03)


def test_zipf_asks_for_few_rows_most_of_the_time():
    ids = draw(400, [1000], "zipf").ids[:, 0]
    shares = np.sort(np.bincount(ids, minlength=1000))[::-1] / len(ids)
    assert shares[0] > 0.1
    flat = np.bincount(draw(400, [1000], "uniform").ids[:, 0], minlength=1000)
    assert flat.max() < 2 * flat.mean()
