"""Rows carry the promised keys and ratios, and tables show them."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.harness.sparsity import Sparsity
from benchmarks.harness.turns import Timing
from benchmarks.models import table
from benchmarks.models.case import Case
from benchmarks.models.op_times import OpTime

CASE = Case("bert_mini", Sparsity("2:4", 0.5), Path(), (8,), {"int8": "24 of 32"}, {})
TIMINGS = {
    "tfsparse/int8": Timing([2.0, 1.0, 9.0], error=0.01, precision="int8"),
    "tensorflow/fp32": Timing([8.0], error=0.0, precision="fp32"),
    "openvino/bf16": Timing([5.0], error=0.001, precision="bf16", note="nodes: 3 bf16"),
    "deepsparse/int8": Timing(problem="gone"),
}


def shown(what):
    console = Console(width=120, file=io.StringIO())
    console.print(what)
    return console.file.getvalue()


def test_rows_carry_the_promised_keys():
    rows = table.cell_rows(CASE, 8, 2, TIMINGS, ["int8"])
    keys = "model engine precision pattern sparsity batch threads ms_median ms_min vs_ours"
    assert [list(row.values) for row in rows[:3]] == 3 * [keys.split()]
    first = ("bert_mini", "tfsparse", "int8", "2:4", 0.5, 8, 2, 2.0, 1.0, 1.0)
    assert tuple(rows[0].values.values()) == first
    assert [row.values["vs_ours"] for row in rows[1:3]] == [4.0, 2.5]
    assert rows[3].values is None


@pytest.mark.parametrize("ours", [{}, {"tfsparse/int8": Timing(problem="gone")}])
def test_without_ours_there_is_no_ratio(ours):
    timings = {**ours, "tensorflow/fp32": TIMINGS["tensorflow/fp32"]}
    rows = table.cell_rows(CASE, 8, 2, timings, ["int8"])
    assert rows[-1].values["vs_ours"] is None


def test_the_table_shows_ratios_errors_and_what_was_not_timed():
    text = shown(table.cell_table(CASE, table.cell_rows(CASE, 8, 2, TIMINGS, ["int8"])))
    for what in ("bert_mini, 2:4, batch 8, 2 threads", "4.00x", "1.0e-02", "nodes: 3 bf16"):
        assert what in text
    assert "not timed: gone" in text and "int8 24 of 32" in text


def test_a_profile_sums_what_it_does_not_show():
    ops = [OpTime("MatMul", 4, 6.0), OpTime("Add", 2, 3.0), OpTime("Mul", 1, 1.0)]
    lines = shown(table.profile_table("where", ops, most=1)).splitlines()
    cells = [line.replace("│", " ").split() for line in lines if "│" in line]
    assert cells == [
        ["MatMul", "4", "6.000", "60%"],
        ["all", "others", "3", "4.000", "40%"],
        ["sum", "7", "10.000", "100%"],
    ]
