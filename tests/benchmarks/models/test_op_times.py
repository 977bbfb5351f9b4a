"""Times are summed by type of op, and medians are over runs."""

from benchmarks.models.op_times import OpTime, by_type


def test_ops_of_a_type_are_summed_and_the_most_expensive_is_first():
    runs = [
        [("Add", 1.0), ("MatMul", 5.0), ("Add", 2.0)],
        [("Add", 2.0), ("MatMul", 7.0), ("Add", 2.0)],
        [("Add", 9.0), ("MatMul", 90.0), ("Add", 9.0)],
    ]
    assert by_type(runs) == [OpTime("MatMul", 1, 7.0), OpTime("Add", 2, 4.0)]


def test_nothing_is_nothing():
    assert by_type([]) == []
