"""The pages: links lead somewhere, examples run, command lines are right, every name is there."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

import tfsparse
from tfsparse.cli import main
from tfsparse.serving import __all__ as serving_names

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
OTHERS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
OTHERS += [ROOT / "examples/README.md", ROOT / "benchmarks/README.md"]
TUTORIALS = [
    page for page in (DOCS / "tutorials").glob("*.md") if "```python\n" in page.read_text()
]
REFERENCE = "\n".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def without_code(text):
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def anchors(text):
    """What headings are called in links, as both GitHub and Python-Markdown make them."""
    heads = re.findall(r"^#+ +(.+?) *$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    plain = [re.sub(r"[^\w\- ]", "", head.replace("`", "").lower()) for head in heads]
    return {re.sub(r"[ -]+", "-", head.strip()) for head in plain}


def broken_links(page):
    """Links that lead to no file, or to no heading of one."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        to_heading = anchor and target.suffix == ".md"
        if not target.exists() or (to_heading and anchor not in anchors(target.read_text())):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=name_of)
def test_links_lead_somewhere(page):
    assert broken_links(page) == []


def test_links_that_lead_nowhere_are_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A `b`, c!\n[1](none.md) [2](page.md#a-b-c) [3](#no) `[4](x)` [5](#a-b-c)\n")
    assert broken_links(page) == ["none.md", "#no"]


def test_every_page_is_in_the_menu():
    menu = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    listed = set(re.findall(r"[\w/-]+\.md", menu))
    assert listed == {page.relative_to(DOCS).as_posix() for page in PAGES}


def test_the_reference_has_every_public_name():
    listed = set(re.findall(r"^::: tfsparse\.index\.(\w+)$", REFERENCE, re.M))
    assert set(tfsparse.__all__) - {"ops"} == listed
    listed = set(re.findall(r"^::: tfsparse\.ops\.(\w+)$", REFERENCE, re.M))
    assert set(tfsparse.ops.__all__) == listed
    assert all(re.search(rf"^::: tfsparse\.\S*{name}$", REFERENCE, re.M) for name in serving_names)


@pytest.mark.parametrize("page", TUTORIALS, ids=name_of)
def test_the_examples_of_a_page_run_in_their_order(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S):
        exec(compile(block, name_of(page), "exec"), names)


def command_lines(page):
    """Command lines of tfsparse in the code of a page."""
    code = "\n".join(re.findall(r"^```[^\n]*\n(.*?)^```", page.read_text(), re.M | re.S))
    return re.findall(r"^(?:\$ )?(tfsparse [a-z].*)$", code.replace("\\\n", " "), re.M)


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=name_of)
def test_command_lines_are_right(page):
    for line in command_lines(page):
        words = shlex.split(line.partition(">")[0] if " > " in line else line, comments=True)
        command = main.command_of(words[1])
        positional = command.flags()(words[1:])[1:]
        assert command.takes(len(positional)), line


def test_command_lines_are_found():
    assert sum(len(command_lines(page)) for page in PAGES) > 5


def test_the_site_is_built_without_a_warning(tmp_path):
    python = ROOT / ".build" / "docs" / "bin" / "python"
    if not python.exists():
        pytest.skip("`make docs` has not been called, which installs MkDocs")
    command = [python, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    index = (tmp_path / "index.html").read_text()
    assert not re.findall(r'(?:src|<link[^>]*href)="(https?://[^"]+)"', index), "from elsewhere"
    assert 'id="tfsparse.index.load"' in (tmp_path / "reference" / "serve.html").read_text()
