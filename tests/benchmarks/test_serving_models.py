"""The models that `bench_serving` loads, and the list that it finds them by."""

import numpy as np
import tensorflow as tf

from benchmarks import serving_models
from benchmarks.peers.nets import Net


def test_writes_models_that_run_and_lists_them(tmp_path):
    folder = tmp_path / "models"
    serving_models.write(folder, Net("small", (32, 64, 48), (1,)))
    lines = [line.split() for line in (folder / "models.txt").read_text().splitlines()]
    assert [line[1:3] for line in lines] == [["16x4", "0.85"], ["4x1", "0.9"]]
    for name, _, _, input_, output in lines:
        graph = tf.Graph()
        with tf.compat.v1.Session(graph=graph) as session:
            tf.compat.v1.saved_model.load(session, ["serve"], str(folder / name))
            y = session.run(output, {input_: np.ones((3, 32), np.float32)})
            ops = {op.type for op in graph.get_operations()}
            ops |= {n.op for f in graph.as_graph_def().library.function for n in f.node_def}
        assert y.shape == (3, 48)
        assert any(op.startswith("Tfsparse>QuantizedBlockSparseMatMul") for op in ops)


def test_replaces_what_is_there(tmp_path):
    (tmp_path / "models/16x4").mkdir(parents=True)
    stale = tmp_path / "models/stale"
    stale.touch()
    serving_models.write(tmp_path / "models", Net("small", (32, 16), (1,)))
    assert not stale.exists()
