"""Queries that wait are joined, and each gets its own answer."""

import threading

import numpy as np
from dlrm.batching import BatchingServer
from dlrm.queries import draw

SAMPLES = draw(40, [50, 7], "uniform")


def expected(sample):
    part = SAMPLES.items(sample)
    return SAMPLES.dense[part].sum(1, keepdims=True) + SAMPLES.ids[part].sum(1, keepdims=True)


class Gate:
    """A model that waits until it may go on, and keeps how many items each batch had."""

    def __init__(self):
        self.may_go, self.batches = threading.Event(), []
        self.entered = threading.Event()

    def __call__(self, dense, ids):
        self.batches.append(len(dense))
        self.entered.set()
        assert self.may_go.wait(30)
        return dense.sum(1, keepdims=True) + ids.sum(1, keepdims=True)


def test_answers_and_joins():
    gate, answers = Gate(), {}
    server = BatchingServer(gate, SAMPLES, answers.__setitem__, max_items=1000)
    server.submit([(100, 0)])
    assert gate.entered.wait(30)
    server.submit([(101 + place, place) for place in range(1, 20)])
    gate.may_go.set()
    server.close()
    sizes = [SAMPLES.items(sample).stop - SAMPLES.items(sample).start for sample in range(20)]
    assert gate.batches[0] == sizes[0]
    assert sum(gate.batches) == sum(sizes)
    assert len(gate.batches) < 12 and max(gate.batches) <= 1000
    assert len(answers) == 20
    for place in range(1, 20):
        np.testing.assert_allclose(answers[101 + place], expected(place), rtol=1e-5)


def test_a_query_larger_than_a_batch_is_answered_alone():
    gate, answers = Gate(), {}
    gate.may_go.set()
    server = BatchingServer(gate, SAMPLES, answers.__setitem__, max_items=1)
    server.submit([(0, 3), (1, 4)])
    server.close()
    assert len(gate.batches) == 2 and set(answers) == {0, 1}
