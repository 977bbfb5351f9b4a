"""What ``--help`` prints. It needs nothing but the flags, so it is there at once."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping

from absl import flags

from tfsparse.cli.command import Command
from tfsparse.cli.exit_codes import MEANINGS

_ADDED_BY_ABSL = re.compile(r"^<[^>]*>: |;\s+repeat this option to specify a list of values$")
"""The choices of a flag, which stand behind its name here, and what every list says."""


def overview(summaries: Mapping[str, str], width: int) -> str:
    """The help of the command as a whole.

    Args:
        summaries: Name of each command to what it does.
        width: Columns of the screen.
    """
    return "\n".join(
        [
            "usage: tfsparse COMMAND ...",
            "",
            _filled(
                "Prunes Keras models in blocks, converts them to block-sparse ops, and says how "
                "fast they are. `tfsparse COMMAND --help` shows examples.",
                width,
            ),
            "",
            "commands:",
            *_rows(summaries.items(), width),
            "",
            "A first day:",
            *_rows(
                [
                    ("tfsparse doctor", "is this machine ready?"),
                    ("tfsparse inspect model.keras", "would mine get faster, and what holds it?"),
                    ("tfsparse prune model.keras try.keras", "what speed would zeros give?"),
                    (
                        "tfsparse convert try.keras served/1 --precision bf16",
                        "write it for servers",
                    ),
                    (
                        "tfsparse benchmark model.keras served/1",
                        "how fast is it, beside the first?",
                    ),
                ],
                width,
            ),
            "",
            "exit codes:",
            *_rows([(str(code), meaning) for code, meaning in MEANINGS.items()], width),
        ]
    )


def command_help(command: Command, width: int) -> str:
    """The help of one command."""
    values = command.flags()
    names = sorted(name for name in values if not _is_absl(values[name]))
    return "\n".join(
        [
            f"usage: tfsparse {command.name} {command.arguments} [flags]".replace("  ", " "),
            "",
            command.summary,
            "",
            *(_filled(part, width) + "\n" for part in command.text.split("\n\n")),
            "examples:",
            *(line for example in command.examples for line in _example(*example, width)),
            "flags:",
            *_rows([_flag(values[name]) for name in names], width),
        ]
    )


def _example(line: str, text: str, width: int) -> list[str]:
    return [_filled(f"# {text}", width, "  "), f"  $ {line}", ""]


def _flag(flag: flags.Flag) -> tuple[str, str]:
    if isinstance(flag.default, bool):
        return f"--{flag.name}", f"{flag.help}" + (" (default: yes)" if flag.default else "")
    default = f" (default: {flag.default_as_str})" if flag.default not in (None, []) else ""
    text = _ADDED_BY_ABSL.sub("", flag.help)
    return f"--{flag.name}={_kind(flag)}", text + default.replace("'", "")


def _kind(flag: flags.Flag) -> str:
    choices = getattr(flag.parser, "enum_values", None)
    if choices:
        return "|".join(choices)
    kinds = {"int": "N", "float": "NUMBER", "comma separated list of strings": "A,B,..."}
    return kinds.get(flag.flag_type(), "TEXT")


def _is_absl(flag: flags.Flag) -> bool:
    return flag.name in ("flagfile", "undefok")


def _rows(rows: Iterable[tuple[str, str]], width: int) -> list[str]:
    rows = list(rows)
    first = min(max((len(name) for name, _ in rows), default=0), width // 2)
    lines = []
    for name, text in rows:
        indent = " " * (first + 4)
        filled = textwrap.wrap(text, max(20, width - len(indent)))
        head = f"  {name.ljust(first)}  "
        if len(name) > first:
            lines.append(f"  {name}")
            head = indent
        lines += [head + (filled or [""])[0], *(indent + line for line in filled[1:])]
    return lines


def _filled(text: str, width: int, indent: str = "") -> str:
    return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent)
