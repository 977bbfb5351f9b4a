"""Runs the examples on real data and writes RESULTS.md; see `--help`.

Each row is a program of its own, run with one seed or several. Its result is kept in
artifacts/, so what is done is not done again, and a run that was stopped goes on where it was.
What has no result here stays as RESULTS.md has it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import mean
from typing import Any

import group_lasso_experiment
import one_shot
from support import earlier, one_shot_plot
from support.locations import ARTIFACTS, REPOSITORY, add_data_argument, write_json, write_text
from support.row_cells import COLUMNS, Result, cells_of, published, speedups
from support.rows import ROWS, Row

RESULTS = REPOSITORY / "examples" / "RESULTS.md"
HEAD = REPOSITORY / "examples" / "support" / "results_head.md"
FOLDER = ARTIFACTS / "examples" / "rows"

TITLES = {
    "sst2": "SST-2, BERT mini",
    "mrpc": "MRPC, BERT mini",
    "squad": "SQuAD, BERT mini",
    "minilm": "SQuAD, MiniLM-L6",
    "cifar10": "CIFAR-10, ResNet-20",
    "bccd": "BCCD, SSD with ResNet-34",
}
LASSO_TITLE = "Group lasso, SST-2 at 4x1 and 90%"
# By the row's name, one for each seed that was run.
Results = dict[str, list[Result]]


def run(row: Row, folder: Path, data: Path) -> None:
    """Runs one row; its output is shown and kept beside the result."""
    result = folder / row.file_name
    result.parent.mkdir(parents=True, exist_ok=True)
    command = [*row.command(), "--json", str(result), "--data", str(data)]
    if "--serve" in command:
        command += ["--keep", str(kept(row, folder))]
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


def kept(row: Row, folder: Path) -> Path:
    """Where the SavedModels of a row are."""
    return folder / row.file_name.removesuffix(".json")


def time_again(row: Row, folder: Path) -> None:
    """Times the SavedModels of a row that is done, and writes that into its result."""
    # Only here: it loads TensorFlow, which to write the tables would take long.
    from support import serving

    path = folder / row.file_name
    result = json.loads(path.read_text())
    served = result["served"]
    served["timings"] = serving.timings(kept(row, folder), served["precision"])
    print(f"{row.name}: {speedups([served])}", flush=True)
    write_json(path, result)


def read(folder: Path) -> Results:
    """Results of all rows that are done, with all their seeds."""
    found = {}
    for row in ROWS:
        first = folder / row.file_name
        paths = [first] if first.is_file() else []
        paths += sorted(folder.glob(f"{first.stem}-seed*.json"))
        if paths:
            found[row.name] = [json.loads(path.read_text()) for path in paths]
    return found


def table(task: str, results: Results, before: earlier.Table | None = None) -> str:
    """The rows of one task in Markdown.

    Args:
        task: The task.
        results: Of the rows that are done.
        before: Rows of an earlier table, for those that are not; others say so.
    """
    control = results.get(Row(task, "dense").name)
    rows = []
    for row in ROWS:
        if row.task == task and row.pattern != "dense":
            if done := results.get(row.name):
                rows.append(cells_of(row, done, control or []))
            else:
                not_run = {"row": row.name, "zeros": "not run"}
                cells = (before or {}).get(row.name, not_run)
                # What was reported elsewhere is no result of an earlier run.
                last = COLUMNS[-1]
                rows.append({**cells, last: published(row)} if cells.get(last) else cells)
    columns = [name for name in COLUMNS if any(cells.get(name) for cells in rows)]
    lines = [columns, ["---"] * len(columns)]
    lines += [[cells.get(name, "") for name in columns] for cells in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _is_set(value: Any) -> bool:
    # 0 is a setting, though it is equal to False.
    return value is not None and value is not False and value != "{}"


def command(row: Row, result: Result) -> str:
    """What was run, every setting spelt out, so that a default that changes changes nothing."""
    program = row.command()[0]
    known = {"dense", "result", "served", "kernel_sparsity", "seconds"}
    settings = {k: v for k, v in result.items() if k not in known and _is_set(v)}
    options = (
        f"--{name.replace('_', '-')}" + ("" if value is True else f" {value}")
        for name, value in settings.items()
    )
    return " ".join(["python", program, *options])


def commands(results: Results, before: earlier.Table | None = None) -> str:
    """How each row is reproduced, and how long that took; likewise with earlier rows.

    Of several seeds it is the first one's command, and the mean of their times.
    """
    lines = ["| row | command | minutes |", "| --- | --- | --- |"]
    for row in ROWS:
        if done := results.get(row.name):
            minutes = mean(each["seconds"] for each in done) / 60
            lines.append(f"| {row.name} | `{command(row, done[0])}` | {minutes:.0f} |")
        elif before and row.name in before:
            lines.append(f"| {' | '.join(before[row.name].values())} |")
    return "\n".join(lines)


def document(results: Results, lasso: Path, without_training: Path, text: str = "") -> str:
    """RESULTS.md.

    Args:
        results: Of the rows.
        lasso: Folder with the results of `group_lasso_experiment.py`.
        without_training: Folder with those of `one_shot.py`.
        text: RESULTS.md as it was, for what has no result.
    """
    before = earlier.sections(text)
    parts = [HEAD.read_text().rstrip()]
    for task, title in TITLES.items():
        rows = table(task, results, earlier.table(before.get(title, "")))
        parts.append(f"## {title}\n\n{rows}")
    arms = before.get(LASSO_TITLE)
    if lasso.is_dir():
        arms = f"{group_lasso_experiment.ABOUT}\n\n{group_lasso_experiment.table(lasso)}"
    if arms:
        parts.append(f"## {LASSO_TITLE}\n\n{arms}")
    if section := one_shot.document(without_training, before.get(one_shot.TITLE, "")):
        parts.append(f"## {one_shot.TITLE}\n\n{section}")
    made = commands(results, earlier.table(before.get("Commands", "")))
    parts.append(f"## Commands\n\n{made}")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Runs what is not done yet, and writes RESULTS.md after each row."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[2])
    names = [row.name for row in ROWS]
    parser.add_argument("--row", nargs="+", choices=names, default=names, metavar="ROW")
    parser.add_argument("--seeds", type=int, default=1, help="how many for each row (%(default)s)")
    parser.add_argument("--again", action="store_true", help="also what is done already")
    parser.add_argument("--list", action="store_true", help="only names the rows")
    parser.add_argument("--write", action="store_true", help="only writes RESULTS.md")
    parser.add_argument(
        "--time", action="store_true", help="times again what the rows exported, nothing else"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of results (%(default)s)")
    add_data_argument(parser)
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(names))
        return

    def write() -> None:
        lasso = group_lasso_experiment.FOLDER
        text = RESULTS.read_text() if RESULTS.is_file() else ""
        panels = one_shot.panels(one_shot.FOLDER)
        before = earlier.sections(text).get(one_shot.TITLE, "")
        if panels and one_shot.is_whole(one_shot.FOLDER, before):
            one_shot_plot.plot(panels, RESULTS.with_name("one_shot.svg"))
        write_text(RESULTS, document(read(arguments.folder), lasso, one_shot.FOLDER, text))

    chosen = [row for row in ROWS if row.name in arguments.row and not arguments.write]
    for row in (row.with_seed(seed) for row in chosen for seed in range(arguments.seeds)):
        done = (arguments.folder / row.file_name).is_file()
        if arguments.time:
            if done and kept(row, arguments.folder).is_dir():
                time_again(row, arguments.folder)
        elif arguments.again or not done:
            run(row, arguments.folder, arguments.data)
            write()
    write()


if __name__ == "__main__":
    main()
