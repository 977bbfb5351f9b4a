import io

import pytest

from tfsparse import progress as module
from tfsparse.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def replaced(monkeypatch, kind):
    """Not a fixture: pytest sets sys.stderr anew before the test itself."""
    stream = kind()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    return stream


@pytest.fixture(params=[0.0, 1000.0], ids=["long", "short"])
def delay(request, monkeypatch):
    monkeypatch.setattr(module, "DELAY", request.param)
    return request.param


@pytest.mark.parametrize("verbose", [None, True, False])
@pytest.mark.parametrize("kind", [Terminal, io.StringIO])
def test_a_bar_is_shown_on_a_terminal_if_it_takes_long(monkeypatch, kind, delay, verbose):
    stderr = replaced(monkeypatch, kind)
    assert list(progress(iter("abc"), 3, "Calibrating", verbose)) == ["a", "b", "c"]
    wanted = stderr.isatty() if verbose is None else verbose
    assert ("Calibrating" in stderr.getvalue()) == (wanted and delay == 0)


def test_the_length_need_not_be_known(monkeypatch, delay):
    replaced(monkeypatch, Terminal)
    assert list(progress(iter("abc"), None, "Calibrating", True)) == ["a", "b", "c"]


def test_the_bar_ends_with_an_error(monkeypatch):
    stderr = replaced(monkeypatch, Terminal)
    monkeypatch.setattr(module, "DELAY", 0.0)
    bars = []
    make = module._bar
    monkeypatch.setattr(module, "_bar", lambda: bars.append(make()) or bars[0])

    def failing():
        yield 1
        yield 2
        raise OSError("no data")

    with pytest.raises(OSError, match="no data"):
        list(progress(failing(), 3, "Calibrating"))
    assert "Calibrating" in stderr.getvalue()
    assert not bars[0].live.is_started


def test_nothing_is_read_ahead():
    read = []
    shown = progress((read.append(i) or i for i in range(5)), 5, "Calibrating", True)
    assert next(shown) == 0
    assert read == [0]
