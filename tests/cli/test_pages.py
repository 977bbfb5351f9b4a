"""The web pages: everything is in them, nothing is loaded, and names cannot break them."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tfsparse.cli import exit_codes, pages

VOID = {"meta", "img", "rect", "br"}


class Parser(HTMLParser):
    """Checks that what is opened is closed; collects the text."""

    def __init__(self):
        super().__init__()
        self.open, self.text = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        assert not any(value and value.startswith("http") for _, value in attrs)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag("meta", attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def text_of(html):
    parser = Parser()
    parser.feed(html)
    assert not parser.open
    return " ".join(parser.text)


def test_a_page_of_everything():
    name = 'a <b> & "c"'
    mask = np.eye(300, 200, dtype=bool)
    html = pages.page(
        name,
        [
            pages.paragraph(name, "lead"),
            pages.heading(name),
            pages.table(["layer", "n"], [[name, "1"]], left=["layer"], styles=["stays"]),
            pages.bars([(name, 2.0, 1.0), ("none", 0.0, 0.0)], "ms"),
            pages.masks([(name, "facts", mask), ("flat", "facts", mask[:2])]),
        ],
    )
    text = text_of(html)
    assert text.count(name) >= 6 and "<b> &" not in html
    assert html.count("<img") == 3, "a picture of each, and the corner of the one that is reduced"
    assert re.findall(r'class="zeros" width="([\d.]+)"', html) == ["1000.0", "0.0"]
    assert re.findall(r'class="blocks" y="3" width="([\d.]+)"', html) == ["500.0", "0.0"]


def test_bars_of_nothing():
    assert "<table>" in pages.bars([], "ms")


def test_the_page_of_an_inspection(run, run_json, files, tmp_path):
    file = tmp_path / "page.html"
    code, found = run_json("inspect", files / "sparse.keras", "--time", "--html", file)
    text = text_of(file.read_text())
    assert code == 0 and found["verdict"] in text
    assert all(each["layer"] in text for each in found["layers"])
    assert "as measured" in text and file.read_text().count("<img") >= 3
    assert "nonzeros" not in found["layers"][0]
    assert run("inspect", files / "cnn.h5", "--html", file)[0] == 0
    assert "as predicted" in text_of(file.read_text()), "and a layer without weights to see"


def test_the_page_of_a_conversion(run, files, tmp_path):
    file = tmp_path / "page.html"
    arguments = ["convert", files / "sparse.keras", tmp_path / "1", "--precision", "bf16"]
    assert run(*arguments, "--verify", "--html", file)[0] == 0
    text = text_of(file.read_text())
    assert "3 of 3 products converted" in text and "max difference" in text


COMMANDS = {"inspect": [], "convert": ["{out}", "--precision", "bf16"]}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("html", "problem"), [("none/a.html", "is no folder"), ("folder", "is a folder")]
)
def test_a_page_that_cannot_be_written_is_refused_at_once(
    run, files, tmp_path, monkeypatch, command, html, problem
):
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr(
        f"tfsparse.cli.{command}.open_model", lambda _: pytest.fail("read the model")
    )
    more = [each.format(out=tmp_path / "1") for each in COMMANDS[command]]
    code, out, err = run(command, files / "sparse", *more, "--html", tmp_path / html)
    assert code == exit_codes.REFUSED and not out
    assert "--html should be a file in a folder" in err and html in err and problem in err


@pytest.mark.parametrize("command", COMMANDS)
def test_results_are_printed_before_a_page_fails(run_json, files, tmp_path, monkeypatch, command):
    def full(*_):
        raise OSError(28, "No space left on device", "page.html")

    monkeypatch.setattr(pages, "write_whole", full)
    more = [each.format(out=tmp_path / "1") for each in COMMANDS[command]]
    code, found = run_json(command, files / "sparse", *more, "--html", tmp_path / "page.html")
    assert code == exit_codes.REFUSED
    assert "layers" in found or (found["ops"] and (tmp_path / "1/saved_model.pb").exists())
