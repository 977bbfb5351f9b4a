"""A short run of each part; `make fuzz` runs them long."""

from pathlib import Path

import pytest

from tests.fuzz import models, op_arguments, workers
from tests.ops.helpers import ISA_VARIABLE, isas

SEED = 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("models")
    models.make(made)
    return made


def test_answers_or_errors(folder):
    """All kinds in the same two workers, since it takes longer to start one; on two ISAs."""
    tries = {"serve": 30, "convert": 3, "mutated": 8}
    jobs = [
        {"kind": kind, "models": str(folder), "seed": SEED + i}
        for kind, number in tries.items()
        for i in range(number)
    ]
    forced = iter(["portable", ""])
    results = list(
        workers.run_all(jobs, 2, lambda: workers.Worker(environment={ISA_VARIABLE: next(forced)}))
    )
    assert not [(job, got) for job, got in results if got.outcome in workers.FINDINGS]
    for kind, number in tries.items():
        outcomes = [result.outcome for job, result in results if job["kind"] == kind]
        assert len(outcomes) == number
        assert "answered" in outcomes
    assert sum(result.outcome == "refused" for _, result in results) > 10


@pytest.fixture(scope="module")
def program():
    return op_arguments.build()


def test_op_arguments(program):
    """On one ISA; `fuzz_ops_test` of Bazel runs them all."""
    *_, last = op_arguments.run(program, 700, SEED, "portable")
    assert (last.isa, last.cases) == ("portable", 700)
    assert last.answered > 200
    assert last.refused > 50


def test_the_paths_are_those_of_this_processor(program):
    assert op_arguments.isas(program) == isas()


def test_the_sanitizers_are_there(program):
    content = Path(program).read_bytes()
    assert b"__asan_report_load" in content
    assert b"__ubsan_handle_add_overflow" in content


def test_a_failure_says_what_the_program_says(program):
    with pytest.raises(op_arguments.FailedError, match="TFSPARSE_ISA` should be one of"):
        list(op_arguments.run(program, 1, SEED, "pentium"))
