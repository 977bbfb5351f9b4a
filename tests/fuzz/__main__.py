"""Attacks with random input: `make fuzz`, or `python -m tests.fuzz --help`.

Three parts. `ops`: arguments of the engine, under AddressSanitizer and
UndefinedBehaviorSanitizer. `serve`: mutated converted models, in processes of limited time and
memory. Both run on each ISA of this processor. `convert` and `mutated`: odd weights and
calibration data, and mutated dense models, given to the conversion. The answer has to be an answer
or an error.
"""

import argparse
import collections
import functools
import os
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tests.fuzz import op_arguments, workers
from tests.ops.helpers import ISA_VARIABLE, isas

KINDS = {"serve": "models", "convert": "conversions", "mutated": "dense_models"}


def arguments():
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=int(time.time()), help="default: the time")
    parser.add_argument(
        "--op_arguments", type=int, default=10_000, help="sets on each ISA (default: 10000)"
    )
    parser.add_argument(
        "--models", type=int, default=150, help="mutated models to serve on each ISA"
    )
    parser.add_argument("--conversions", type=int, default=50, help="odd weights and data")
    parser.add_argument("--dense_models", type=int, default=50, help="mutated models to convert")
    parser.add_argument(
        "--isa",
        default=os.environ.get(ISA_VARIABLE, ""),
        help=f"one ISA, such as avx2 (default: {ISA_VARIABLE}, else all)",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="worker processes")
    parser.add_argument(
        "--repeat", metavar="KIND:SEED", help="one try again, such as serve:1234, in this process"
    )
    return parser.parse_args()


LINES = 20
"""Into a file, a line at so many moments of each part."""


class Report:
    """Counts what came of each part, and keeps what was found."""

    def __init__(self, console):
        self._console = console
        self._rows = {}
        self.found = 0

    def count(self, part, outcomes, total):
        self._rows[part] = outcomes
        tried = sum(outcomes.values())
        if not self._console.is_terminal and tried % max(1, total // LINES) == 0:
            self._console.print(f"{part}: {tried:,} of {total:,}")

    def finding(self, text):
        self.found += 1
        self._console.print(f"FOUND {text}", markup=False, highlight=False)

    def print(self):
        table = Table()
        for name in ("part", "tried", "answered", "refused", "found"):
            table.add_column(name, justify="left" if name == "part" else "right")
        for part, counts in self._rows.items():
            total = sum(counts.values())
            found = total - counts["answered"] - counts["refused"]
            numbers = (total, counts["answered"], counts["refused"], found)
            table.add_row(part, *(f"{number:,}" for number in numbers))
        self._console.print(table)


def fuzz_ops(args, screen, report):
    program = op_arguments.build()
    for isa in chosen_paths(args):
        part, counts = f"ops on {isa}", collections.Counter()
        bar = screen.add_task(part, total=args.op_arguments)
        try:
            for done in op_arguments.run(program, args.op_arguments, args.seed, isa):
                screen.update(bar, completed=done.cases)
                counts.update(answered=done.answered - counts["answered"])
                counts.update(refused=done.refused - counts["refused"])
                report.count(part, counts, args.op_arguments)
        except op_arguments.FailedError as failure:
            counts["broken"] += 1
            report.count(part, counts, args.op_arguments)
            report.finding(str(failure))


def fuzz_models(args, screen, report, folder):
    for kind, number in KINDS.items():
        if not getattr(args, number):
            continue
        if kind != "serve":
            run_models(args, screen, report, folder, kind, number, args.isa)
            continue
        for isa in chosen_paths(args):
            run_models(args, screen, report, folder, kind, f"{number} on {isa}", isa)


def run_models(args, screen, report, folder, kind, part, isa):
    """One row of the table; on the best ISA where none is named."""
    total = getattr(args, KINDS[kind])
    bar, counts = screen.add_task(part, total=total), collections.Counter()
    jobs = [{"kind": kind, "models": str(folder), "seed": args.seed + i} for i in range(total)]
    worker = functools.partial(workers.Worker, environment={ISA_VARIABLE: isa})
    for job, result in workers.run_all(jobs, args.jobs, worker):
        screen.advance(bar)
        counts[result.outcome] += 1
        report.count(part, counts, total)
        if result.outcome in workers.FINDINGS:
            again = f"--repeat {kind}:{job['seed']}" + (f" --isa {isa}" if isa else "")
            report.finding(f"{result.outcome}, {again}\n  {result.detail}")


def chosen_paths(args):
    return [args.isa] if args.isa else isas()


def repeat(text, folder):
    from tests.fuzz.worker import kinds

    kind, seed = text.split(":")
    print(*kinds()[kind](folder, int(seed)), sep=": ")


def main():
    args = arguments()
    os.environ[ISA_VARIABLE] = args.isa  # of this process, and of what it starts
    console = Console()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if args.repeat or args.models or args.conversions or args.dense_models:
            from tests.fuzz import models

            console.print("making models")
            models.make(folder)
        if args.repeat:
            return repeat(args.repeat, folder)
        console.print(f"--seed {args.seed}")
        report = Report(console)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeRemainingColumn(), console=console) as screen:
            if args.op_arguments:
                fuzz_ops(args, screen, report)
            fuzz_models(args, screen, report, folder)
    report.print()
    return 1 if report.found else 0


if __name__ == "__main__":
    sys.exit(main())
