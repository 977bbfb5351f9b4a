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
    seeds = {row.with_seed(seed).file_name for row in ROWS for seed in range(3)}
    assert len(seeds) == 3 * len(ROWS)
    assert {row.with_seed(0).file_name for row in ROWS} == {row.file_name for row in ROWS}


def test_every_command_is_one_that_its_program_understands():
    import bert_mini
    import bert_squad
    import cifar_networks
    import ssd_bccd

    modules = (bert_mini, bert_squad, cifar_networks, ssd_bccd)
    programs = {f"examples/{module.__name__}.py": module for module in modules}
    for row in [*ROWS, *(row.with_seed(2) for row in ROWS)]:
        program, *arguments = row.command()
        parsed = programs[program].parser().parse_args(arguments)
        assert parsed.pattern == row.pattern
        assert row.pattern == "dense" or parsed.sparsity == row.sparsity
        assert bool(parsed.group_lasso) == row.lasso
        assert parsed.seed == row.seed


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


def test_a_line_has_the_mean_and_the_deviation_of_its_seeds(tmp_path):
    row, dense = Row("squad", "4x1", 0.8), Row("squad", "dense")
    before = {"exact_match": 0.5, "f1": 0.8}
    for seed, after in enumerate((0.76, 0.72, 0.74)):
        found = {"dense": before, "result": {"exact_match": 0.4, "f1": after}}
        speed = {"timings": [{"batch": 1, "speedup": 2.0 + seed}], "precision": "int8"}
        served = {**found["result"], "float32": found["result"], **speed}
        fill(tmp_path, row.with_seed(seed), seed=seed, **found, served=served)
    for seed, after in enumerate((0.78, 0.82)):
        result = {"exact_match": 0.5, "f1": after}
        fill(tmp_path, dense.with_seed(seed), seed=seed, dense=before, result=result)
    text = results.table("squad", results.read(tmp_path))
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {row.name} ")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[2:6] == ["0, 1, 2", "2", "EM 50.00% / F1 80.00%", "EM 50.00% / F1 80.00% ± 2.83"]
    sparse = "EM 40.00% / F1 74.00% ± 2.00"
    assert cells[6:9] == [sparse, "7.50% ± 2.50", "7.50% ± 2.50"]
    assert cells[9:12] == [sparse, f"INT8 {sparse}", "3.0x"]
    assert cells[12] == "76.87 to 76.27, 0.78% (BERT mini, SQuAD)"
    assert results.commands(results.read(tmp_path)).count(f"| {row.name} |") == 1


def test_every_seed_that_is_asked_for_is_run(tmp_path, monkeypatch):
    row = Row("minilm", "2x1", 0.7)
    fill(tmp_path, row)
    ran = []

    def run(row, folder, data):
        ran.append(row)
        fill(folder, row, seed=row.seed)

    monkeypatch.setattr(results, "run", run)
    monkeypatch.setattr(results, "RESULTS", tmp_path / "RESULTS.md")
    words = ["results", "--folder", str(tmp_path), "--row", row.name, "--seeds", "3"]
    monkeypatch.setattr(sys, "argv", words)
    results.main()
    assert ran == [row.with_seed(1), row.with_seed(2)]
    assert len(results.read(tmp_path)[row.name]) == 3


def test_the_published_value_of_another_task_is_not_borrowed(tmp_path):
    row = Row("sst2", "4x1", 0.8)
    old = f"| row | zeros | {results.COLUMNS[-1]} |\n| --- | --- | --- |\n"
    before = results.earlier.table(old + f"| {row.name} | 80.00% | 76.87 to 76.27 |")
    line = results.table("sst2", {}, before).splitlines()[4]
    assert line.startswith(f"| {row.name} | 80.00% |") and line.endswith("| none |")


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


@pytest.mark.long
def test_a_row_that_fails_ends_the_program(tmp_path):
    with pytest.raises(SystemExit, match=r"cifar10/4x1/0\.7 failed"):
        results.run(Row("cifar10", "4x1", 0.7), tmp_path, Path("/nowhere"))
    assert "There is no cifar10/" in (tmp_path / "cifar10-4x1-0.7.log").read_text()
