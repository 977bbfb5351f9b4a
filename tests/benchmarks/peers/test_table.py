"""Rows carry the promised keys, and lines are aligned."""

from pathlib import Path

import pytest

from benchmarks.harness.turns import Timing
from benchmarks.peers import table
from benchmarks.peers.case import Case
from benchmarks.peers.nets import NETS, Sparsity

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
