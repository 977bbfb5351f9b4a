"""A child answers, and whatever goes wrong in it is one line."""

import pytest

from benchmarks.harness import child

MODULE = "tests.benchmarks.harness.child_functions"


def test_a_child_answers_and_says_what_memory_it_took():
    answer = child.run(MODULE, {"number": 4})
    assert answer.pop("peak_bytes") > 1e6
    assert answer == {"one more": 5}


@pytest.mark.parametrize(
    ("how", "message"),
    [("fails", "^ValueError: first line$"), ("dies", r"^it ended with code 5\. out of luck$")],
)
def test_what_goes_wrong_is_one_line(how, message):
    with pytest.raises(child.ChildError, match=message):
        child.run(MODULE, {"number": 4, "how": how})


def test_a_child_that_takes_too_much_memory_is_ended():
    with pytest.raises(child.ChildError, match=r"took more than 0\.3 GB"):
        child.run(MODULE, {"number": 4, "how": "grows"}, most_bytes=3e8)


def test_a_module_that_is_not_there_is_an_error():
    with pytest.raises(child.ChildError, match="no_such_module"):
        child.run("no_such_module", {})


def test_first_lines_are_those_that_say_something():
    error = ValueError("Graph execution error:\n\nDetected at node x\nno such table\nmore")
    assert child.first_line(error) == "ValueError: no such table"
    assert child.first_line(KeyError()) == "KeyError"
