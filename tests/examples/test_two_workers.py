"""The example of two workers: they train one model, which is served; one that fails ends both."""

import json
import os
import sys

import pytest
import two_workers

from tests import processes


def work(index, addresses, *arguments):
    task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
    os.environ["TF_CONFIG"] = json.dumps(task)
    two_workers.work(*arguments)


@pytest.mark.long
@pytest.mark.parametrize("keras", ["keras", "tf_keras"])
def test_two_workers_train_one_model(keras, tmp_path, capsys):
    addresses = [f"127.0.0.1:{port}" for port in two_workers._free_ports()]
    weights, out = tmp_path / "weights.npz", tmp_path / "served" / "1"
    processes.run_together([(work, index, addresses, keras, 4, weights) for index in (0, 1)])
    assert two_workers.convert(keras, weights, out) > 0.7
    said = capsys.readouterr().out
    assert said.count("90.00%") >= 4 and "3 of 3 products converted" in said
    assert (out / "saved_model.pb").exists()


def test_each_worker_is_told_which_it_is(tmp_path):
    code = (
        "import json, os, pathlib, sys; task = json.loads(os.environ['TF_CONFIG']); "
        "pathlib.Path(sys.argv[1], str(task['task']['index'])).write_text(str(task['cluster']))"
    )
    two_workers.start_workers([sys.executable, "-c", code, tmp_path])
    first, second = (tmp_path / name for name in ("0", "1"))
    assert first.read_text() == second.read_text() and first.read_text().count("127.0.0.1:") == 2


def test_one_that_fails_ends_the_other():
    code = "import os, sys, time; '\"index\": 1' in os.environ['TF_CONFIG'] and sys.exit(3); "
    with pytest.raises(RuntimeError, match="a worker failed"):
        two_workers.start_workers([sys.executable, "-c", code + "time.sleep(600)"])
