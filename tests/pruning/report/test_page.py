import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
from PIL import Image

from tfsparse.pruning.report import SparsityReport

from .reports import report, row

VOID = {"meta", "img", "br", "rect", "line"}


class Page(HTMLParser):
    """What a page says: its tags with their attributes, and its text. Checks that tags match."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self._open = [], [], []
        self.feed(html)
        assert not self._open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, text):
        if "style" not in self._open:
            self.texts.append(text)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def page(tmp_path, one):
    path = tmp_path / "report.html"
    one.to_html(path)
    return Page(path.read_text(encoding="utf-8"))


def rows_of(html):
    """Texts of the cells of each row of the table of kernels."""
    body = html[html.index("<tbody>") : html.index("</tbody>")]
    cells = [re.findall(r"<td.*?>(.*?)</td>", line) for line in body.split("<tr>")[1:]]
    return [[re.sub("<.*?>", "", cell) for cell in line] for line in cells]


def test_the_page_says_what_the_table_says(tmp_path):
    one = report(row(), row("out", pattern="2:4", sparsity=0.5), name="digits")
    one.to_html(tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    assert rows_of(html) == [
        ["hidden", "4x1", "(64, 32)", *["75.00%"] * 3, "-", "8.0 KiB", "2.5 KiB", ""],
        ["out", "2:4", "(64, 32)", *["50.00%"] * 2, "-", "100.00%", "8.0 KiB", "4.2 KiB", ""],
    ]
    parsed = page(tmp_path, one)
    assert "Sparsity of digits" in parsed.texts
    assert "62.50%" in parsed.texts


def test_the_page_loads_nothing(tmp_path):
    parsed = page(tmp_path, report(row(), row("big", (300, 400)), skipped={"a": "b"}))
    tags = {tag for tag, _ in parsed.tags}
    assert not tags & {"script", "link", "iframe", "object", "embed"}
    sources = [attributes["src"] for attributes in parsed.all("img")]
    assert len(sources) == 3 and all(s.startswith("data:image/png;base64,") for s in sources)
    path = tmp_path / "report.html"
    assert "http" not in path.read_text() and "@import" not in path.read_text()
    assert "url(" not in path.read_text()


def test_pictures_show_the_masks(tmp_path):
    kernel = row()
    (image,) = page(tmp_path, report(kernel)).all("img")
    data = base64.b64decode(image["src"].partition(",")[2])
    opacity = np.array(Image.open(io.BytesIO(data)).convert("RGBA"))[..., 3]
    np.testing.assert_array_equal(opacity, kernel.picture.whole)
    # The same whole number of pixels for every element.
    assert (image["width"], image["height"]) == (str(64 * 4), str(32 * 4))
    assert image["alt"] == "mask of hidden"


def test_bars_are_as_long_as_the_shares(tmp_path):
    kernel = row(sparsity=0.75)
    parsed = page(tmp_path, report(kernel))
    assert [(r["class"], r["width"]) for r in parsed.all("rect")] == [
        ("track", "100"),
        ("zeros", "75.00"),
        ("blocks", "75.00"),
    ]
    assert [line["x1"] for line in parsed.all("line")] == ["75.00"]
    assert page(tmp_path, report(row(source="found"))).all("line") == []


def test_layers_lead_to_their_masks(tmp_path):
    parsed = page(tmp_path, report(row("a"), row("b")))
    links = [attributes["href"] for attributes in parsed.all("a")]
    assert links == ["#kernel-0", "#kernel-1"]
    assert [figure["id"] for figure in parsed.all("figure")] == ["kernel-0", "kernel-1"]


def test_a_notebook_shows_the_same_without_places_to_jump_to():
    html = report(row("a"))._repr_html_()
    parsed = Page(html)
    assert html.startswith('<div class="tfsparse-report">')
    assert parsed.all("a") == [] and "id" not in parsed.all("figure")[0]
    assert len(parsed.all("img")) == 1
    # The style sheet reaches nothing but the report.
    rules = re.findall(r"^([^\s}].*?) \{", html, re.MULTILINE)
    assert rules and all(
        selector.strip().startswith(".tfsparse-report")
        for rule in rules
        for selector in rule.split(",")
    )


def test_names_are_text_and_no_markup(tmp_path):
    evil = "<script>alert('x')</script>&\""
    one = report(row(evil), skipped={evil: evil}, notes=(evil,), name=evil)
    parsed = page(tmp_path, one)
    assert not parsed.all("script")
    assert "".join(parsed.texts).count(evil) == 7  # title, head, row, card, skipped twice, note


def test_a_report_without_kernels(tmp_path):
    parsed = page(tmp_path, SparsityReport((), {"a": "dense"}))
    assert "No layer is pruned." in parsed.texts and "dense" in parsed.texts


def test_odd_shapes_can_be_seen(tmp_path):
    parsed = page(tmp_path, report(row("flat", (2, 5000), "1x1"), row("tall", (5000, 2), "1x1")))
    sizes = [(int(one["width"]), int(one["height"])) for one in parsed.all("img")]
    assert all(30 <= side <= 300 for size in sizes for side in size)


def test_a_hundred_layers_are_a_page_of_a_megabyte(tmp_path):
    rows = [row(f"encoder_{number}/dense", (256, 256), "4x1", 0.9) for number in range(100)]
    report(*rows).to_html(tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 2**20
