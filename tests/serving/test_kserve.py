"""KServe's model: both protocols, by its own server; where it is not installed, that is shown."""

import asyncio
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests.serving.models import export_int8, save, spec
from tfsparse import serving

SERVER = """
import sys
import kserve
from tfsparse.serving import KServeModel
models = [KServeModel(name, path, threads=1) for name, path in zip(sys.argv[2::2], sys.argv[3::2])]
kserve.ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1).start(models)
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders of a perceptron of ours and of a model with two inputs and outputs; and inputs."""
    folder = tmp_path_factory.mktemp("kserve")
    ours, x = export_int8(folder / "ours")
    two = save(
        folder / "two",
        lambda x, a: {"sum": x + a, "text": tf.strings.as_string(x)},
        spec((None, 2)),
        spec((None, 1), name="a"),
    )
    text = save(
        folder / "text",
        lambda x: {"length": tf.strings.length(x)},
        tf.TensorSpec((None,), tf.string, "x"),
    )
    return ours, two, x, text


@pytest.fixture(scope="module")
def ask(models, tmp_path_factory):
    """Sends a request; gives the status and the answer."""
    pytest.importorskip("kserve")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", SERVER, str(port), "ours", models[0], "two", models[1]]
    command += ["text", models[3]]
    log = tmp_path_factory.mktemp("log") / "server"
    with log.open("wb") as errors:  # a pipe that nobody reads would fill, and stop the server
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)

    def send(path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    try:
        end = time.monotonic() + 120
        while True:
            assert server.poll() is None, log.read_text()[-3000:]
            try:
                if send("/v2/health/ready")[0] == 200:
                    break
            except OSError:
                assert time.monotonic() < end
            time.sleep(0.2)
        yield send
    finally:
        server.terminate()
        server.wait(30)


def test_instances(ask, models):
    x = models[2][:3]
    status, answer = ask("/v1/models/ours:predict", {"instances": x.tolist()})
    assert status == 200
    found = np.float32(answer["predictions"])
    np.testing.assert_array_equal(found, tfsparse.load(models[0])(x))


def test_instances_with_names(ask):
    instances = [{"x": [1, 2], "a": [10]}, {"x": [3, 4], "a": [20]}]
    status, answer = ask("/v1/models/two:predict", {"instances": instances})
    assert status == 200
    assert [each["sum"] for each in answer["predictions"]] == [[11, 12], [23, 24]]
    assert answer["predictions"][0]["text"][0].startswith("1")


def test_columns(ask):
    body = {"inputs": {"x": [[1, 2]], "a": [[10]]}}
    status, answer = ask("/v1/models/two:predict", body)
    assert status == 200 and answer["outputs"]["sum"] == [[11, 12]]


@pytest.mark.parametrize("key", ["instances", "inputs"])
@pytest.mark.parametrize("named", [False, True])
def test_bytes_in_base64(ask, key, named):
    """As TensorFlow Serving takes them; with zeros at their end."""
    values = [{"b64": "/wAA"}, {"b64": ""}]
    if named:
        values = [{"x": each} for each in values] if key == "instances" else {"x": values}
    status, answer = ask("/v1/models/text:predict", {key: values})
    assert status == 200 and answer["predictions" if key == "instances" else "outputs"] == [3, 0]


def test_the_open_inference_protocol(ask, models):
    x = models[2][:3]
    tensor = {"name": "x", "shape": list(x.shape), "datatype": "FP32", "data": x.ravel().tolist()}
    status, answer = ask("/v2/models/ours/infer", {"id": "seven", "inputs": [tensor]})
    assert status == 200 and answer["id"] == "seven"
    (output,) = answer["outputs"]
    found = np.float32(output["data"]).reshape(output["shape"])
    np.testing.assert_array_equal(found, tfsparse.load(models[0])(x))


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [[1, 2, 3]]},
        {"instances": [[1, 2], [1]]},
        {"instances": ["text"]},
        {"instances": []},
        {"instances": 3},
        {"inputs": {"y": [1]}},
        {},
    ],
)
def test_what_the_model_cannot_take_is_the_callers_error(ask, body):
    for name in ("ours", "two"):
        status, answer = ask(f"/v1/models/{name}:predict", body)
        assert status == 400 and "error" in answer, answer


def test_a_tensor_of_another_name(ask):
    tensor = {"name": "z", "shape": [1], "datatype": "FP32", "data": [1.0]}
    status, answer = ask("/v2/models/ours/infer", {"inputs": [tensor]})
    assert status == 400 and "['x']" in answer["error"]


def test_tensors_as_bytes(models):
    kserve = pytest.importorskip("kserve")
    x = models[2][:3]
    tensor = kserve.InferInput("x", list(x.shape), "FP32")
    tensor.set_data_from_numpy(x, binary_data=True)
    request = kserve.InferRequest("ours", [tensor], parameters={"binary_data_output": True})
    answer = asyncio.run(serving.KServeModel("ours", models[0]).predict(request))
    (output,) = answer.outputs
    assert output.data is None or len(output.data) == 0, "not as a list"
    np.testing.assert_array_equal(output.as_numpy(), tfsparse.load(models[0])(x))
