"""What a call costs beside the model: all ways give the same, and each is timed."""

import json

import numpy as np

import tfsparse
from benchmarks import idle_model, load_overhead, serving_models
from benchmarks.peers.nets import Net


def test_all_ways_are_timed_and_give_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(load_overhead, "INPUTS", 32)
    monkeypatch.setattr(load_overhead, "_limit_threads", lambda: None)
    serving_models.write(tmp_path / "models", Net("small", (32, 64, 48), (1,)))
    folder = tmp_path / "models" / (tmp_path / "models/models.txt").read_text().split()[0]
    x = np.random.default_rng(0).random((3, 32), np.float32)
    results = [call(x) for call in load_overhead.ways(folder, x).values()]
    assert results[0] is None, "the C API alone makes no array"
    assert all(np.array_equal(each, results[1]) for each in results[2:])
    file = tmp_path / "out.json"
    load_overhead.main(
        [str(tmp_path / "models"), "--rows", "1,2", "--seconds", "0.01", "--json", str(file)]
    )
    records = json.loads(file.read_text())
    ours = [each for each in records if "DLRM" in each["model"]]
    assert [each["rows"] for each in ours] == [1] * 4 + [2] * 4
    idle = [each for each in records if "nothing" in each["model"]]
    assert {each["call"] for each in idle} >= {each["call"] for each in ours}
    assert all(each["us"] > 0 for each in records)


def test_the_idle_model_is_the_same_for_every_engine(tmp_path):
    idle_model.save(tmp_path / "1", 6)
    x = np.arange(18, dtype=np.float32).reshape(3, 6)
    np.testing.assert_array_equal(tfsparse.load(tmp_path / "1")(x), x[:, :1])
    for name, call in idle_model.peers(6, 3).items():
        np.testing.assert_array_equal(call(x), x[:, :1], err_msg=name)
