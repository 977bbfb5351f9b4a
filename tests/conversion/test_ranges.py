import numpy as np

from tfsparse.conversion.ranges import Range, make_observer


def test_a_range_spans_all_that_was_seen():
    observer = make_observer("minmax")
    assert observer.range() == Range(np.inf, -np.inf)
    for values in ([3.0, -1.0], [], [2.5, 7.0]):
        observer.update(np.float32(values))
    assert observer.range() == Range(-1.0, 7.0)
