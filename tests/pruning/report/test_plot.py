import ast
import pathlib
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

from tfsparse.pruning.report import plot
from tfsparse.pruning.report.sparsity_report import SparsityReport

from .reports import report, row


def test_bars_and_masks_are_those_of_the_kernels():
    kernels = (row("a", sparsity=0.5), row("b", (300, 200), "2:4", 0.5, "found"))
    bars, first, second = report(*kernels, name="digits").plot().axes
    lengths = [[bar.get_width() for bar in group] for group in bars.containers]
    assert lengths == [[0.5, 0.5]] * 2
    assert [label.get_text() for label in bars.get_yticklabels()] == ["a  4x1", "b  2:4"]
    (targets,) = bars.collections
    assert targets.get_offsets().tolist() == [[0.5, 0.0]]
    assert bars.get_title(loc="left") == "Sparsity of digits"
    for axes, kernel in zip((first, second), kernels, strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), kernel.picture.whole)
    assert first.get_title(loc="left") == "a\n32 by 64"


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_writes_the_format_that_the_path_names(tmp_path, ending):
    path = tmp_path / f"report.{ending}"
    report().plot(path)
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending]
    assert path.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [path]


def test_the_picture_is_not_blank_and_nothing_overlaps(tmp_path):
    names = [f"encoder_{number}/attention/a_rather_long_name_of_a_layer" for number in range(8)]
    figure = report(*(row(name, (10, 1000)) for name in names)).plot(tmp_path / "report.png")
    with Image.open(tmp_path / "report.png") as image:
        assert len(np.unique(np.array(image.convert("L")))) > 10
    boxes = [axes.get_position() for axes in figure.axes]
    assert all(0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1 for box in boxes)
    pairs = [(one, two) for number, one in enumerate(boxes) for two in boxes[:number]]
    assert not any(one.overlaps(two) for one, two in pairs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
    window = figure.axes[0].get_tightbbox()
    assert window.x0 >= 0 and window.x1 <= figure.bbox.x1


def test_without_kernels_there_is_nothing_to_draw():
    with pytest.raises(ValueError, match="without kernels"):
        SparsityReport((), {}).plot()


def test_without_matplotlib_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install matplotlib.*to_html"):
        report().plot()


def test_matplotlib_is_imported_when_it_is_asked_for():
    statements = ast.parse(pathlib.Path(plot.__file__).read_text()).body
    imported = [one for one in statements if isinstance(one, ast.Import | ast.ImportFrom)]
    assert imported and not any("matplotlib" in ast.unparse(one) for one in imported)
