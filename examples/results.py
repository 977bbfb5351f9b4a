"""Runs the examples on real data and writes RESULTS.md; see `--help`.

Each row is a program of its own. Its result is kept in artifacts/, so what is done is not
done again, and a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import group_lasso_experiment
import one_shot
from support import one_shot_plot
from support.locations import ARTIFACTS, REPOSITORY, add_data_argument, write_text
from support.rows import ROWS, Row
from support.scores import relative_loss

RESULTS = REPOSITORY / "examples" / "RESULTS.md"
HEAD = REPOSITORY / "examples" / "support" / "results_head.md"
FOLDER = ARTIFACTS / "examples" / "rows"

Results = dict[str, dict[str, Any]]


def run(row: Row, folder: Path, data: Path) -> None:
    """Runs one row; its output is shown and kept beside the result."""
    result = folder / row.file_name
    result.parent.mkdir(parents=True, exist_ok=True)
    command = [*row.command(), "--json", str(result), "--data", str(data)]
    print(f"\n{row.name}: python {' '.join(command)}", flush=True)
    with (
        result.with_suffix(".log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-u", *command],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        for line in process.stdout or ():
            print(f"    {line}", end="", flush=True)
            log.write(line)
    if process.returncode:
        sys.exit(f"{row.name} failed; its output is in {result.with_suffix('.log')}")


def read(folder: Path) -> Results:
    """Results of all rows that are done."""
    paths = {row.name: folder / row.file_name for row in ROWS}
    return {name: json.loads(path.read_text()) for name, path in paths.items() if path.is_file()}


def table(task: str, results: Results) -> str:
    """The rows of one task in Markdown; those not yet run say so."""
    lines = [
        "| row | zeros | seed | epochs | dense | dense, trained on | sparse "
        "| relative loss | to trained on | served | seed document, relative loss |",
        "| --- " * 11 + "|",
    ]
    control = results.get(Row(task, "dense").name)
    rows = [row for row in ROWS if row.task == task and row.pattern != "dense"]
    lines += [_line(row, results.get(row.name), control) for row in rows]
    return "\n".join(lines)


def _line(row: Row, result: dict[str, Any] | None, control: dict[str, Any] | None) -> str:
    if result is None:
        return f"| {row.name} " + "| not run " + "| " * 9 + "|"
    dense, sparse = result["dense"], result["result"]
    trained_on = control["result"] if control else None
    cells = [
        row.name,
        f"{result['kernel_sparsity']:.2%}",
        str(result["seed"]),
        str(result["epochs"]),
        _scores(dense),
        _scores(trained_on) if trained_on else "not run",
        _scores(sparse),
        f"{relative_loss(dense[row.metric], sparse[row.metric]):.2%}",
        f"{relative_loss(trained_on[row.metric], sparse[row.metric]):.2%}" if trained_on else "",
        _served(result),
        _published(row),
    ]
    return "| " + " | ".join(cells) + " |"


def _scores(scores: dict[str, float]) -> str:
    parts = [f"{scores['accuracy']:.2%}"]
    return " / ".join([*parts, f"F1 {scores['f1']:.2%}"] if "f1" in scores else parts)


def _served(result: dict[str, Any]) -> str:
    """The scores of the exported model, and how much faster it is than the dense one."""
    found = result.get("served")
    if found is None:
        return "not served"
    speed = " / ".join(f"{each['speedup']:.1f}x" for each in found["timings"])
    return f"{found['precision'].upper()} {_scores(found)}; {speed}"


def _published(row: Row) -> str:
    found = row.published
    if found is None:
        return "none"
    numbers = f"{found.dense:.2f} to {found.sparse:.2f}, {found.relative_loss:.2%}"
    return f"{numbers} ({found.model})"


def _is_set(value: Any) -> bool:
    # 0 is a setting, though it is equal to False.
    return value is not None and value is not False and value != "{}"


def command(row: Row, result: dict[str, Any]) -> str:
    """What was run, every setting spelt out, so that a default that changes changes nothing."""
    program = row.command()[0]
    known = {"dense", "result", "served", "kernel_sparsity", "seconds"}
    settings = {k: v for k, v in result.items() if k not in known and _is_set(v)}
    options = (
        f"--{name.replace('_', '-')}" + ("" if value is True else f" {value}")
        for name, value in settings.items()
    )
    return " ".join(["python", program, *options])


def commands(results: Results) -> str:
    """How each row is reproduced, and how long that took."""
    lines = ["| row | command | minutes |", "| --- | --- | --- |"]
    for row in ROWS:
        if result := results.get(row.name):
            minutes = result["seconds"] / 60
            lines.append(f"| {row.name} | `{command(row, result)}` | {minutes:.0f} |")
    return "\n".join(lines)


def document(results: Results, lasso: Path, without_training: Path) -> str:
    """RESULTS.md.

    Args:
        results: Of the rows.
        lasso: Folder with the results of `group_lasso_experiment.py`.
        without_training: Folder with those of `one_shot.py`.
    """
    tasks = list(dict.fromkeys(row.task for row in ROWS))
    titles = {
        "sst2": "SST-2, BERT mini",
        "mrpc": "MRPC, BERT mini",
        "cifar10": "CIFAR-10, ResNet-20",
    }
    parts = [HEAD.read_text().rstrip()]
    parts += [f"## {titles[task]}\n\n{table(task, results)}" for task in tasks]
    if lasso.is_dir():
        title = "## Group lasso, SST-2 at 4x1 and 90%"
        table_of_arms = group_lasso_experiment.table(lasso)
        parts.append(f"{title}\n\n{group_lasso_experiment.ABOUT}\n\n{table_of_arms}")
    if section := one_shot.document(without_training):
        parts.append(section)
    parts.append(f"## Commands\n\n{commands(results)}")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Runs what is not done yet, and writes RESULTS.md after each row."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[2])
    names = [row.name for row in ROWS]
    parser.add_argument("--row", nargs="+", choices=names, default=names, metavar="ROW")
    parser.add_argument("--again", action="store_true", help="also what is done already")
    parser.add_argument("--list", action="store_true", help="only names the rows")
    parser.add_argument("--write", action="store_true", help="only writes RESULTS.md")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of results (%(default)s)")
    add_data_argument(parser)
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(names))
        return

    def write() -> None:
        lasso = group_lasso_experiment.FOLDER
        if panels := one_shot.panels(one_shot.FOLDER):
            one_shot_plot.plot(panels, RESULTS.with_name("one_shot.svg"))
        write_text(RESULTS, document(read(arguments.folder), lasso, one_shot.FOLDER))

    for row in ROWS if not arguments.write else []:
        done = (arguments.folder / row.file_name).is_file()
        if row.name in arguments.row and (arguments.again or not done):
            run(row, arguments.folder, arguments.data)
            write()
    write()


if __name__ == "__main__":
    main()
