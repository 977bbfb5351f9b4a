import pytest

from tests.fuzz.workers import Worker, run_all


class Misbehaving(Worker):
    module = "tests.fuzz.misbehaving_worker"


def job(kind, seed=0):
    return {"kind": kind, "models": "", "seed": seed}


@pytest.mark.parametrize(
    ("kind", "limits", "outcome", "detail"),
    [
        ("crash", {}, "crashed", "SIGSEGV | the last words"),
        ("leave", {}, "crashed", "code 3"),
        ("hang", {"most_seconds": 2}, "hung", "no answer within 2 seconds"),
        ("grow", {"most_bytes": 500 << 20}, "too large", "MB of memory"),
        ("raise_error", {}, "broken", "nobody knows why"),
        ("answer", {}, "answered", "7 in "),
    ],
)
def test_an_outcome_is_noticed_and_the_next_try_goes_on(kind, limits, outcome, detail):
    with Misbehaving(**limits) as worker:
        result = worker.run(job(kind, 7))
        assert result.outcome == outcome
        assert detail in result.detail
        assert worker.run(job("answer", 8)).detail.startswith("8 in ")


def test_a_process_is_used_again():
    with Misbehaving() as worker:
        one, other = (worker.run(job("answer")).detail for _ in range(2))
        assert one == other
        worker.run(job("leave"))
        assert worker.run(job("answer")).detail != one


def test_a_process_has_the_environment_that_it_is_given():
    with Misbehaving(environment={"WORD": "unlikely"}) as worker:
        assert worker.run(job("environment")).detail == "unlikely"


def test_all_tries_are_run_whatever_some_do():
    jobs = [job(("answer", "leave", "raise_error")[seed % 3], seed) for seed in range(12)]
    results = list(run_all(jobs, 2, Misbehaving))
    assert sorted(job["seed"] for job, _ in results) == list(range(12))
    outcomes = [result.outcome for _, result in results]
    assert {each: outcomes.count(each) for each in outcomes} == {
        "answered": 4,
        "crashed": 4,
        "broken": 4,
    }


def test_a_worker_that_does_not_start_is_an_error():
    class Absent(Worker):
        module = "tests.fuzz.absent"

    with pytest.raises(RuntimeError, match="should start"):
        list(run_all([job("answer")], 1, Absent))
