"""The command line: finds the command, parses its flags, and says in a sentence what went wrong."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import io
import logging
import os
import sys
import traceback
from collections.abc import Sequence

from absl import flags

from tfsparse.cli import exit_codes
from tfsparse.cli.command import Command, CommandError
from tfsparse.cli.help_text import command_help, overview
from tfsparse.cli.quiet import import_quietly
from tfsparse.cli.screen import Screen, width
from tfsparse.tensorflow_versions import require_tensorflow

COMMANDS = ("doctor", "inspect", "prune", "convert", "benchmark")

_HELP = {"--help", "-h", "-help", "--helpfull"}
_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_OVERRIDE_GLOBAL_THREADPOOL": "1",
}
"""TensorFlow: no log, no GPU, and a pool of threads for each session."""


def command_of(name: str) -> Command:
    """The command of a name."""
    command: Command = importlib.import_module(f"tfsparse.cli.{name}").COMMAND
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line.

    Args:
        arguments: What stands behind `tfsparse`; those of the process by default.

    Returns:
        The exit code, one of `exit_codes`.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not arguments or arguments[0] in _HELP | {"help"}:
        if arguments[1:] and arguments[1] in COMMANDS:
            return _print(command_help(command_of(arguments[1]), width()))
        return _print(overview({name: command_of(name).summary for name in COMMANDS}, width()))
    name, *rest = arguments
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return _fail(
            "tfsparse",
            f"the command should be one of {', '.join(COMMANDS)}. Received: {name!r}.{hint}",
            exit_codes.USAGE,
        )
    command = command_of(name)
    if _HELP & set(rest):
        return _print(command_help(command, width()))
    values = command.flags()
    try:
        positional = values([name, *rest])[1:]
    except flags.Error as error:
        return _usage(command, str(error))
    if not command.takes(len(positional)):
        wanted = command.arguments or "no arguments"
        return _usage(command, f"it takes {wanted}. Received: {' '.join(positional) or 'nothing'}")
    return _run(command, values, positional)


def _run(command: Command, values: flags.FlagValues, positional: list[str]) -> int:
    for key, value in _ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    screen = Screen(values.json)
    try:
        require_tensorflow()
        with screen.progress("loading TensorFlow"):
            import_quietly("tensorflow")
            _silence()
        with contextlib.redirect_stdout(io.StringIO()):  # Keras says there what it has saved
            return command.run(values, positional, screen)
    except KeyboardInterrupt:
        return _fail(command.name, "interrupted; nothing was left behind", exit_codes.INTERRUPTED)
    except BrokenPipeError:  # who reads has read enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_codes.OK
    except Exception as error:
        if values.debug:
            traceback.print_exc()
        return _fail(command.name, *_sentence_of(error))


def _silence() -> None:
    """Keeps what TensorFlow and Keras say of themselves off the screen."""
    for name in ("tensorflow", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _sentence_of(error: Exception) -> tuple[str, int]:
    """What went wrong, and the exit code."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    if isinstance(error, CommandError):
        return text, error.code
    if isinstance(error, ImportError):
        return text, exit_codes.ENVIRONMENT
    if isinstance(error, ValueError | OSError):
        return text, exit_codes.REFUSED
    return f"{type(error).__name__}: {text} (--debug shows where)", exit_codes.ERROR


def _usage(command: Command, problem: str) -> int:
    usage = f"tfsparse {command.name} {command.arguments}".strip()
    problem = problem.splitlines()[0]
    return _fail(
        command.name, f"{problem} (usage: {usage}; --help shows examples)", exit_codes.USAGE
    )


def _fail(name: str, text: str, code: int) -> int:
    with contextlib.suppress(BrokenPipeError):
        print(f"{name}: {text}", file=sys.stderr)
    return code


def _print(text: str) -> int:
    with contextlib.suppress(BrokenPipeError):
        print(text)
    return exit_codes.OK
