"""What a command is: a name, its flags, examples that teach it, and a function."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from absl import flags

if TYPE_CHECKING:
    from tfsparse.cli.screen import Screen


class CommandError(Exception):
    """An end of the command that is no fault of ours: one sentence and an exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclasses.dataclass(frozen=True)
class Command:
    """A command of `tfsparse`.

    Attributes:
        name: Such as ``"inspect"``.
        summary: What it does, in a line.
        arguments: Names of its arguments, such as ``"MODEL OUT"``; one that ends with ``...`` may
            come often, and one in brackets may be left out.
        text: What a reader of its help should know besides.
        examples: Pairs of a command line and what it does.
        define: Defines its flags.
        run: Does it; gives the exit code.
    """

    name: str
    summary: str
    arguments: str
    text: str
    examples: Sequence[tuple[str, str]]
    define: Callable[[flags.FlagValues], None]
    run: Callable[[flags.FlagValues, list[str], Screen], int]

    def flags(self) -> flags.FlagValues:
        """Its flags, with those that all commands have, before anything is parsed."""
        values = flags.FlagValues()
        values.set_gnu_getopt(True)
        self.define(values)
        flags.DEFINE_bool("json", False, "Print JSON and nothing else.", flag_values=values)
        flags.DEFINE_bool("debug", False, "Show the traceback of an error.", flag_values=values)
        return values

    def takes(self, count: int) -> bool:
        """Whether it takes a number of arguments."""
        names = self.arguments.split()
        needed = sum(not name.startswith("[") for name in names)
        most = math.inf if names and names[-1].endswith("...") else len(names)
        return needed <= count <= most
