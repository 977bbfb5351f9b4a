"""One run of MLPerf's load generator, in the environment of an engine; `load` starts it.

Reads requests from standard input, a JSON object a line, and writes an answer a line:

    {"scenario": "Offline", "seconds": 10}               -> {"qps": 61.2}
    {"scenario": "Server", "seconds": 10, "qps": 50.0, "limit_ms": 30}
                                                         -> {"qps": 50.1, "p99_ms": 22.0}

The generator is loaded from the file that it is in, so that it need not be installed there.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from . import engines, queries
from .batching import BatchingServer, Model

_RATES = {"Offline": "Samples per second", "Server": "Completed samples per second"}
_MIN_QUERIES = 200
SHARE_OF_LIMIT = 1 / 3
"""What a batch of a server may take of the limit: a query waits for one, then is in another."""


def load_generator(file: str) -> Any:
    """The module of the load generator."""
    spec = importlib.util.spec_from_file_location("mlperf_loadgen", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Runner:
    """Runs scenarios against a model.

    Args:
        generator: The module of the load generator.
        model: What is measured.
        samples: What queries ask for.
        max_items: Items of a batch at most.
        workers: Batches that are computed at once.
        seconds: What a batch of so many items takes.
    """

    def __init__(
        self,
        generator: Any,
        model: Model,
        samples: queries.Samples,
        max_items: int,
        workers: int = 1,
        seconds: float = 0.0,
    ) -> None:
        self._lg = generator
        self._model = model
        self._samples = samples
        self._max_items = max_items
        self._workers = workers
        self._seconds = seconds

    def run(self, request: dict[str, Any]) -> dict[str, float]:
        """Runs a scenario; gives its rate in samples a second, and the latency of a server."""
        lg, samples = self._lg, self._samples
        settings = self._settings(request)
        items = self._items(request)
        server = BatchingServer(self._model, samples, self._answer, items, self._workers)
        sut = lg.ConstructSUT(
            lambda found: server.submit([(each.id, each.index) for each in found]), lambda: None
        )
        qsl = lg.ConstructQSL(len(samples), len(samples), lambda _: None, lambda _: None)
        with tempfile.TemporaryDirectory() as folder:
            logs = lg.LogSettings()
            logs.log_output.outdir = folder
            logs.log_output.copy_summary_to_stdout = False
            logs.enable_trace = False
            lg.StartTestWithLogSettings(sut, qsl, settings, logs)
            text = (Path(folder) / "mlperf_log_summary.txt").read_text()
        lg.DestroyQSL(qsl)
        lg.DestroySUT(sut)
        server.close()
        result = {"qps": _number(text, _RATES[request["scenario"]])}
        if request["scenario"] == "Server":
            result["p99_ms"] = _number(text, r"99\.00 percentile latency \(ns\)") / 1e6
        return result

    def _items(self, request: dict[str, Any]) -> int:
        """Items of a batch: of a server as many as take a part of the limit, or fewer."""
        if request["scenario"] == "Offline" or not self._seconds:
            return self._max_items
        limit = request["limit_ms"] / 1e3 * SHARE_OF_LIMIT
        return int(min(1, limit / self._seconds) * self._max_items)

    def _answer(self, query: int, found: np.ndarray) -> None:
        found = np.ascontiguousarray(found)
        response = self._lg.QuerySampleResponse(query, found.ctypes.data, found.nbytes)
        self._lg.QuerySamplesComplete([response])

    def _settings(self, request: dict[str, Any]) -> Any:
        settings = self._lg.TestSettings()
        settings.mode = self._lg.TestMode.PerformanceOnly
        settings.scenario = getattr(self._lg.TestScenario, request["scenario"])
        settings.min_duration_ms = int(1000 * request["seconds"])
        settings.max_duration_ms = 20 * settings.min_duration_ms
        if request["scenario"] == "Offline":
            settings.offline_expected_qps = request["qps"]
        else:
            settings.server_target_qps = request["qps"]
            settings.server_target_latency_ns = int(1e6 * request["limit_ms"])
            settings.server_target_latency_percentile = 0.99
            settings.min_query_count = _MIN_QUERIES
        return settings


def _number(text: str, name: str) -> float:
    found = re.search(rf"^{name}\s*:\s*([0-9.e+]+)\s*$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"the load generator's summary has no {name}:\n{text}")
    return float(found[1])


def time_of_a_batch(model: Model, samples: queries.Samples, items: int) -> float:
    """Seconds that a batch takes, after one that warms up."""
    import time

    rows = slice(0, items)
    model(samples.dense[rows], samples.ids[rows])
    start = time.perf_counter()
    model(samples.dense[rows], samples.ids[rows])
    return time.perf_counter() - start


def main() -> None:
    """Answers requests."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Whatever a library prints goes to standard error.
    setup = json.loads(sys.argv[1])
    samples = queries.draw(setup["samples"], setup["table_sizes"], setup["skew"])
    engine = engines.find(setup["engine"])
    items, workers = setup["max_items"], setup["workers"]
    threads = max(1, setup["threads"] // workers)
    model = engine.load(Path(setup["folder"]), threads, workers, items)
    seconds = time_of_a_batch(model, samples, items)
    generator = load_generator(setup["generator"])
    runner = Runner(generator, model, samples, items, workers, seconds)
    rate = items * workers / seconds / samples.mean_items
    ready = {"qps": rate, "items": samples.mean_items}
    print(json.dumps(ready), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(runner.run(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
