import pytest

from tfsparse.pruning.report.text import size

from .reports import report, row


def test_table_is_aligned():
    lines = str(report(row(), row("a/longer/name", (96, 1000), "16x4", 0.5))).splitlines()
    heads = ["layer", "pattern", "shape", "target", "elements", "blocks", "size", "packed"]
    assert lines[0].split() == heads
    assert lines[1].split() == [
        *("hidden", "4x1", "(64,", "32)", "75.00%", "75.00%", "75.00%"),
        *("8.0", "KiB", "2.5", "KiB"),
    ]
    assert len({len(line) for line in lines[:3]}) == 1
    assert [lines[1].index("4x1"), lines[2].index("16x4")] == [lines[0].index("pattern")] * 2
    assert lines[0].index("target") + len("target") == lines[1].index("75.00%") + len("75.00%")
    assert lines[3] == "total sparsity of these kernels: 50.52%; 383.0 KiB, 193.0 KiB packed"


def test_columns_are_shown_where_they_say_something():
    mixed = str(report(row(), row("other", pattern="2:4", sparsity=0.5, source="found")))
    lines = mixed.splitlines()
    assert lines[0].split()[6:] == ["groups", "size", "packed", "source"]
    assert lines[1].split()[5:8] == ["75.00%", "75.00%", "-"]
    assert lines[2].split()[4:8] == ["-", "50.00%", "-", "100.00%"]
    assert [line.split()[-1] for line in lines[1:3]] == ["tfsparse", "found"]


def test_what_was_skipped_and_noted_follows():
    text = str(report(skipped={"words": "looked up", "a": "dense"}, notes=("mind this",)))
    assert text.splitlines()[-4:] == [
        "skipped:",
        "  words  looked up",
        "  a      dense",
        "mind this",
    ]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (999.9 * 1024, "999.9 KiB"),
        (1000 * 1024, "1.0 MiB"),
        (3 * 1024**3, "3.0 GiB"),
        (2000 * 1024**4, "2000.0 TiB"),
    ],
)
def test_sizes_have_the_unit_that_fits(count, text):
    assert size(count) == text
