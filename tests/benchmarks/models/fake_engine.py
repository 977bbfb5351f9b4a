"""An engine that knows the right answer, for a worker of a test."""

import numpy as np

VERSION = "7.0"


def load(case, precision, x, threads):
    with np.load(case / f"expected{len(x['left'])}.npz") as arrays:
        expected = dict(arrays)

    def run():
        return expected

    run.note = f"{threads} threads of a fake"
    return run
