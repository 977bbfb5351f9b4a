"""Rows carry the promised keys, lines are aligned, and files are whole."""

import json
from pathlib import Path

import pytest

from benchmarks.peers import table
from benchmarks.peers.case import Case
from benchmarks.peers.nets import NETS, Sparsity
from benchmarks.peers.turns import Timing

CASE = Case(NETS["dlrm"], Sparsity("16x4", 0.85), Path(), {}, 1.0, {})
TIMINGS = {
    "tfsparse/int8": Timing([2.0, 1.0, 9.0]),
    "openvino/int8": Timing([5.0]),
    "deepsparse/int8": Timing(problem="gone"),
}


def test_rows_carry_the_promised_keys():
    rows, skipped = table.cell_rows(CASE, 64, 2, TIMINGS)
    keys = "net engine precision pattern sparsity batch threads ms_median ms_min vs_ours"
    assert [list(row) for row in rows] == 2 * [keys.split()]
    first = ("dlrm", "tfsparse", "int8", "16x4", 0.85, 64, 2, 2.0, 1.0, 1.0)
    assert tuple(rows[0].values()) == first
    assert (rows[1]["engine"], rows[1]["vs_ours"]) == ("openvino", 2.5)
    assert [(row["engine"], row["reason"]) for row in skipped] == [("deepsparse", "gone")]


@pytest.mark.parametrize("ours", [{}, {"tfsparse/int8": Timing(problem="gone")}])
def test_without_ours_there_is_no_ratio(ours):
    rows, _ = table.cell_rows(CASE, 64, 2, ours | {"openvino/int8": Timing([5.0])})
    assert rows[0]["vs_ours"] is None and table.line(rows[0]).endswith("5.0000")


def test_lines_stand_under_their_header():
    rows, _ = table.cell_rows(CASE, 64, 2, TIMINGS)
    header, line = table.header(), table.line(rows[1])
    cells = ["dlrm", "openvino", "int8", "16x4", "0.85", "64", "2", "5.0000", "5.0000", "2.50x"]
    assert line.split() == cells
    assert line.index("openvino") == header.index("engine")
    assert len(line) == len(header)


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    file = tmp_path / "new" / "out.json"
    table.write_json(file, {"rows": [1]})
    assert json.loads(file.read_text()) == {"rows": [1]}
    with pytest.raises(ValueError):
        table.write_json(file, {"rows": float("nan")})
    assert json.loads(file.read_text()) == {"rows": [1]}
    assert [path.name for path in file.parent.iterdir()] == ["out.json"]
