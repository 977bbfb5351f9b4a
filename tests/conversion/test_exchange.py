import errno
import os
from pathlib import Path

import pytest

from tfsparse.conversion import exchange
from tfsparse.conversion.exchange import put_in_place


@pytest.fixture(params=["exchanged", "in two steps"])
def folders(request, tmp_path, monkeypatch):
    """New, target and aside, on a file system that exchanges names and on one that cannot."""
    if request.param == "in two steps":
        monkeypatch.setattr(exchange, "_rename", lambda *_: False)
    make(tmp_path / "new", "new")
    return tmp_path / "new", tmp_path / "target", tmp_path / "aside"


def make(folder, text):
    folder.mkdir()
    (folder / "text").write_text(text)


def text(folder):
    return (folder / "text").read_text()


def test_a_free_place_is_taken(folders):
    new, target, aside = folders
    put_in_place(new, target, aside)
    assert text(target) == "new"
    assert not new.exists()
    assert not aside.exists()


def test_what_is_there_is_replaced(folders):
    new, target, aside = folders
    make(target, "old")
    put_in_place(new, target, aside)
    assert text(target) == "new"
    (left,) = [folder for folder in (new, aside) if folder.exists()]
    assert text(left) == "old"


def test_the_old_one_stays_when_the_new_one_cannot_come(folders, monkeypatch):
    new, target, aside = folders
    make(target, "old")
    (new / "text").unlink()
    new.rmdir()
    with pytest.raises(FileNotFoundError):
        put_in_place(new, target, aside)
    assert text(target) == "old"
    assert not aside.exists()


def test_a_place_that_someone_takes_meanwhile_is_kept(folders, monkeypatch):
    new, target, aside = folders
    make(target, "someone else's")
    monkeypatch.setattr(os.path, "lexists", lambda _: False)
    with pytest.raises(OSError, match=r"exists|not empty"):
        put_in_place(new, target, aside)
    assert text(target) == "someone else's"


def test_in_two_steps_nothing_is_put_back_over_what_came_meanwhile(tmp_path, monkeypatch):
    new, target, aside = tmp_path / "new", tmp_path / "target", tmp_path / "aside"
    make(new, "new")
    make(target, "old")
    rename = Path.rename

    def someone_is_faster(self, to):
        if self == new:
            make(target, "someone else's")
        return rename(self, to)

    monkeypatch.setattr(exchange, "_rename", lambda *_: False)
    monkeypatch.setattr(Path, "rename", someone_is_faster)
    with pytest.raises(OSError, match="not empty"):
        put_in_place(new, target, aside)
    assert text(target) == "someone else's"


def test_errors_other_than_of_support_are_raised(tmp_path):
    with pytest.raises(OSError, match="No such file") as caught:
        exchange._rename(tmp_path / "none", tmp_path / "other", exchange._EXCHANGE)
    assert caught.value.errno == errno.ENOENT
    assert caught.value.filename == str(tmp_path / "none")


def test_flags_that_the_kernel_has_not_are_unsupported(tmp_path):
    assert not exchange._rename(tmp_path / "none", tmp_path / "other", 1 << 30)
