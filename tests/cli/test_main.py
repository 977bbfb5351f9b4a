"""The command line itself: help that waits for nothing, errors in a sentence, exit codes."""

import dataclasses
import re
import shlex
import subprocess
import sys

import pytest

from tfsparse.cli import convert, exit_codes, main, starting


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help_names_every_command_and_exit_code(run, arguments):
    code, out, _ = run(*arguments)
    assert code == 0
    assert all(f"  {name} " in out for name in main.COMMANDS)
    assert all(meaning in " ".join(out.split()) for meaning in exit_codes.MEANINGS.values())


@pytest.mark.parametrize("name", main.COMMANDS)
@pytest.mark.parametrize("columns", ["40", "80", "120"])
def test_help_of_a_command_has_examples_and_flags(run, monkeypatch, name, columns):
    monkeypatch.setenv("COLUMNS", columns)
    code, out, _ = run(name, "--help")
    assert code == 0 and out.startswith(f"usage: tfsparse {name}")
    assert out.count(f"tfsparse {name} ") >= 2 or name == "doctor"
    assert "--json" in out and "None" not in out and "<" not in out
    assert run("help", name)[1] == out
    text = [line for line in out.splitlines() if not line.startswith(("  $", "  --", "usage"))]
    assert max(map(len, text)) <= max(int(columns), 100)


@pytest.mark.parametrize("name", main.COMMANDS)
def test_the_examples_can_be_parsed(name):
    command = main.command_of(name)
    for line, _ in command.examples:
        words = shlex.split(re.split(r" [|>] ", line)[0])
        words = words[words.index("tfsparse") + 1 :]
        example = main.command_of(words[0])
        assert example.takes(len(example.flags()(words)) - 1), line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspekt"], "should be one of doctor, .*Received: 'inspekt'. Did you mean 'inspect'?"),
        (["inspect"], r"it takes MODEL\. Received: nothing"),
        (["doctor", "x", "y"], r"it takes \[MODEL\]\. Received: x y"),
        (["prune", "a.keras"], "it takes MODEL OUT"),
        (["benchmark"], "it takes MODEL"),
        (["inspect", "m", "--jsn"], "Unknown command line flag 'jsn'. Did you mean: json"),
        (
            ["convert", "m", "o", "--precision", "int4"],
            "value should be one of <fp32.bf16.int8.auto>",
        ),
        (["benchmark", "m", "--batch", "1,0"], r"--batch should be positive .*Received: 1,0"),
        (["benchmark", "m", "--percentiles", "101"], r"--percentiles .*Received: 101"),
        (["convert", "m", "o", "--override", "x"], "LAYER=WHAT.*Received: 'x'"),
    ],
)
def test_a_wrong_command_line_is_a_sentence(run, arguments, message):
    code, out, err = run(*arguments)
    assert code == exit_codes.USAGE and not out
    assert len(err.splitlines()) == 1
    assert re.search(message, err)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ValueError("first\nsecond"), exit_codes.REFUSED, "doctor: first"),
        (FileNotFoundError("no file"), exit_codes.REFUSED, "doctor: no file"),
        (ImportError("no library"), exit_codes.ENVIRONMENT, "doctor: no library"),
        (RuntimeError("oh"), exit_codes.ERROR, "doctor: RuntimeError: oh (--debug shows where)"),
        (KeyboardInterrupt(), exit_codes.INTERRUPTED, "doctor: interrupted"),
    ],
)
def test_an_error_is_a_sentence_and_an_exit_code(run, monkeypatch, error, code, text):
    def fail(*_):
        raise error

    monkeypatch.setattr(main, "command_of", lambda name: _with_run(name, fail))
    found, out, err = run("doctor")
    assert (found, out, len(err.splitlines())) == (code, "", 1)
    assert err.startswith(text)
    if not isinstance(error, KeyboardInterrupt):
        assert "Traceback" in run("doctor", "--debug")[2]


def _with_run(name, function):
    return dataclasses.replace(convert.COMMAND, name=name, arguments="", run=function)


HEAVY = re.compile(r"\| +(tensorflow|numpy|keras|rich)$", re.MULTILINE)


@pytest.mark.parametrize("arguments", [["--help"], ["convert", "--help"], ["inspekt"]])
def test_what_needs_no_model_imports_nothing_heavy(arguments):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tfsparse", *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == (2 if arguments == ["inspekt"] else 0)
    assert "tfsparse.cli.main" in done.stderr and not HEAVY.search(done.stderr)


@pytest.mark.parametrize(
    ("argv", "orig", "expected"),
    [
        (["-m"], ["python", "-m", "tfsparse", "--help"], True),
        (["-m"], ["python", "-X", "dev", "-m", "tfsparse"], True),
        (["-m"], ["python", "-m", "pytest", "-m", "tfsparse"], False),
        (["-m"], ["python", "-m", "tfsparse_tools"], False),
        (["-c"], ["python", "-c", "import tfsparse"], False),
        (["train.py"], ["python", "train.py"], False),
        (["/nowhere/tfsparse"], ["python", "/nowhere/tfsparse"], False),
        ([""], ["python"], False),
        ([], [], False),
    ],
)
def test_only_the_command_imports_lazily(monkeypatch, argv, orig, expected):
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(sys, "orig_argv", orig)
    assert starting.is_the_command() is expected


def test_the_console_script_is_the_command(monkeypatch, tmp_path):
    (tmp_path / "tfsparse").touch()
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "tfsparse"), "doctor"])
    assert starting.is_the_command()
