import json
import sys
from pathlib import Path

import pytest
import results
from support.rows import ROWS, Row

DONE = {
    "seed": 3,
    "epochs": 2,
    "kernel_sparsity": 0.9,
    "seconds": 60,
    "dense": {"accuracy": 0.8, "f1": 0.9},
    "result": {"accuracy": 0.76, "f1": 0.81},
}


def fill(folder, *rows, **changes):
    folder.mkdir(exist_ok=True)
    for row in rows:
        (folder / row.file_name).write_text(json.dumps({**DONE, **changes}))


def test_rows_and_their_files_have_names_of_their_own():
    assert len({row.name for row in ROWS}) == len({row.file_name for row in ROWS}) == len(ROWS)


def test_every_command_is_one_that_its_program_understands():
    import bert_mini
    import cifar_networks
    import ssd_bccd

    programs = {
        "examples/bert_mini.py": bert_mini,
        "examples/cifar_networks.py": cifar_networks,
        "examples/ssd_bccd.py": ssd_bccd,
    }
    for row in ROWS:
        program, *arguments = row.command()
        parsed = programs[program].parser().parse_args(arguments)
        assert parsed.pattern == row.pattern
        assert row.pattern == "dense" or parsed.sparsity == row.sparsity
        assert bool(parsed.group_lasso) == row.lasso


def test_a_line_has_the_losses_in_the_metric_of_the_task(tmp_path):
    row = Row("mrpc", "4x1", 0.9)
    fill(tmp_path, row)
    fill(tmp_path, Row("mrpc", "dense"), result={"accuracy": 0.81, "f1": 0.9})
    (line,) = [
        line
        for line in results.document(
            results.read(tmp_path), tmp_path / "none", tmp_path / "none"
        ).splitlines()
        if line.startswith(f"| {row.name} | 90")
    ]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:4] == ["90.00%", "3", "2"]
    assert cells[4] == "80.00% / F1 90.00%"
    assert cells[7:9] == ["10.00%", "10.00%"]
    assert cells[9].startswith("87.52 to 87.22, 0.34%")


SERVED = {
    "precision": "int8",
    **DONE["result"],
    "float32": {"accuracy": 0.755, "f1": 0.812},
    "timings": [{"batch": 1, "speedup": 9.96}, {"batch": 8, "speedup": 8.0}],
}


def test_a_line_has_what_was_served(tmp_path):
    fill(tmp_path, Row("sst2", "4x1", 0.9), served=SERVED)
    fill(tmp_path, Row("sst2", "4x1", 0.8))
    text = results.table("sst2", results.read(tmp_path))
    assert "| 75.50% / F1 81.20% | INT8 76.00% / F1 81.00% | 10.0x / 8.0x |" in text
    assert len({line.count("|") for line in text.splitlines()}) == 1
    assert "exported" not in results.table("mrpc", results.read(tmp_path))


def test_what_has_no_result_stays_as_it_was(tmp_path):
    done, old = Row("sst2", "4x1", 0.9), Row("sst2", "4x1", 0.8)
    none = tmp_path / "none"
    fill(tmp_path, done, old, Row("sst2", "dense"))
    first = results.document(results.read(tmp_path), none, none)
    first = first.replace("## Commands", f"## {results.LASSO_TITLE}\n\nArms.\n\n## Commands")
    assert results.document({}, none, none, first) == first
    (tmp_path / old.file_name).unlink()
    (tmp_path / "sst2-dense.json").unlink()
    fill(tmp_path, done, seed=4, served=SERVED)
    second = results.document(results.read(tmp_path), none, none, first)
    lines = [line for line in second.splitlines() if line.startswith("| sst2/")]
    assert "| 4 | 2 |" in lines[0] and "| not run |" in lines[0] and "10.0x / 8.0x" in lines[0]
    kept = [line for line in first.splitlines() if line.startswith(f"| {old.name} | 90")]
    assert lines[2].split("|")[:10] == kept[0].split("|")[:10] and "|  |  |  |" in lines[2]
    assert all(line in second for line in first.splitlines() if f"| {old.name} | `" in line)


def test_what_was_exported_is_timed_again(tmp_path, monkeypatch, capsys):
    from support import serving

    row = Row("sst2", "4x1", 0.9)
    fill(tmp_path, row, Row("sst2", "4x1", 0.8), served=SERVED)
    (tmp_path / "sst2-4x1-0.9").mkdir()
    asked = []

    def timings(folder, precision):
        asked.append((folder, precision))
        return [{"batch": 1, "speedup": 3.0}]

    monkeypatch.setattr(serving, "timings", timings)
    monkeypatch.setattr(results, "RESULTS", tmp_path / "RESULTS.md")
    monkeypatch.setattr(sys, "argv", ["results", "--folder", str(tmp_path), "--time"])
    results.main()
    assert asked == [(tmp_path / "sst2-4x1-0.9", "int8")]
    assert "sst2/4x1/0.9: 3.0x" in capsys.readouterr().out
    assert "| INT8 76.00% / F1 81.00% | 3.0x |" in (tmp_path / "RESULTS.md").read_text()


def test_the_command_of_a_row_makes_it_again(tmp_path):
    import bert_mini

    row = Row("mrpc", "4x1", 0.9, lasso=True)
    settings = vars(bert_mini.parser().parse_args(row.command()[1:]))
    used = {k: v for k, v in settings.items() if k not in ("data", "json")}
    used |= {"epochs": 7, "learning_rate": 2e-3, "batch": 16, "seed": 0, "distill": 0.0}
    used |= {"lasso_to_the_end": True}
    program, *words = results.command(row, {**DONE, **used}).split()[1:]
    assert {"--distill", "--group-lasso", "--seed"} <= {*words} and "--held-out" not in words
    again = vars(bert_mini.parser().parse_args(words))
    assert program == "examples/bert_mini.py"
    assert {name: again[name] for name in used} == used


def test_says_which_rows_were_not_run(tmp_path):
    fill(tmp_path, Row("mrpc", "4x1", 0.9))
    text = results.document(results.read(tmp_path), tmp_path / "none", tmp_path / "none")
    assert text.count("not run |") == sum(row.pattern != "dense" for row in ROWS)


def test_runs_only_what_is_not_done(tmp_path, monkeypatch):
    wanted = [Row("mrpc", "4x1", 0.9), Row("mrpc", "4x1", 0.8)]
    folder = tmp_path / "rows"
    fill(folder, wanted[0])
    ran = []

    def run(row, folder, data):
        ran.append(row)
        fill(folder, row)

    monkeypatch.setattr(results, "run", run)
    monkeypatch.setattr(results, "RESULTS", tmp_path / "RESULTS.md")
    names = [row.name for row in wanted]
    monkeypatch.setattr(sys, "argv", ["results", "--folder", str(folder), "--row", *names])
    results.main()
    assert ran == wanted[1:]
    assert wanted[1].name in (tmp_path / "RESULTS.md").read_text()


def test_a_row_that_fails_ends_the_program(tmp_path):
    with pytest.raises(SystemExit, match=r"cifar10/4x1/0\.7 failed"):
        results.run(Row("cifar10", "4x1", 0.7), tmp_path, Path("/nowhere"))
    assert "There is no cifar10/" in (tmp_path / "cifar10-4x1-0.7.log").read_text()
