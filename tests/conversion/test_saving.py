import stat
from pathlib import Path

import pytest
import tensorflow as tf

from tfsparse.conversion.saving import copy_extra_assets, write_atomically


def writer(text):
    def write(path):
        folder = Path(path)
        folder.mkdir()
        (folder / "saved_model.pb").write_text(text)

    return write


def failing(path):
    folder = Path(path)
    folder.mkdir()
    (folder / "saved_model.pb").write_text("half")
    raise OSError("disk full")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_writes_a_folder_and_its_parents(tmp_path):
    write_atomically(tmp_path / "served" / "1", writer("new"))
    assert (tmp_path / "served" / "1" / "saved_model.pb").read_text() == "new"
    assert names(tmp_path / "served") == ["1"]


def test_the_folder_has_ordinary_permissions(tmp_path):
    write_atomically(tmp_path / "1", writer("new"))
    (tmp_path / "ordinary").mkdir()
    mode = stat.S_IMODE((tmp_path / "1").stat().st_mode)
    assert mode == stat.S_IMODE((tmp_path / "ordinary").stat().st_mode)


def test_a_failure_leaves_nothing_behind(tmp_path):
    with pytest.raises(OSError, match="disk full"):
        write_atomically(tmp_path / "1", failing)
    assert names(tmp_path) == []


@pytest.mark.parametrize("kind", ["model", "empty", "file", "dangling"])
def test_what_is_there_is_not_replaced_unasked(tmp_path, kind):
    target = tmp_path / "1"
    if kind == "file":
        target.write_text("precious")
    elif kind == "dangling":
        target.symlink_to(tmp_path / "nowhere")
    else:
        target.mkdir()
    if kind == "model":
        writer("old")(target / "x")
    with pytest.raises(FileExistsError, match="should not exist, unless `overwrite=True`"):
        write_atomically(target, writer("new"))
    assert names(tmp_path) == ["1"]


def test_overwriting_replaces_the_whole_folder(tmp_path):
    target = tmp_path / "1"
    write_atomically(target, writer("old"))
    (target / "left over").write_text("")
    write_atomically(target, writer("new"), overwrite=True)
    assert names(target) == ["saved_model.pb"]
    assert (target / "saved_model.pb").read_text() == "new"
    assert names(tmp_path) == ["1"]


def test_overwriting_keeps_the_old_model_when_writing_fails(tmp_path):
    target = tmp_path / "1"
    write_atomically(target, writer("old"))
    with pytest.raises(OSError, match="disk full"):
        write_atomically(target, failing, overwrite=True)
    assert (target / "saved_model.pb").read_text() == "old"
    assert names(tmp_path) == ["1"]


def test_overwriting_keeps_the_old_model_when_the_rename_fails(tmp_path, monkeypatch):
    target = tmp_path / "1"
    write_atomically(target, writer("old"))
    rename = Path.rename

    def fails_for_the_new_one(self, to):
        if self.name == "new":
            raise OSError("no rename")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", fails_for_the_new_one)
    with pytest.raises(OSError, match="no rename"):
        write_atomically(target, writer("new"), overwrite=True)
    assert (target / "saved_model.pb").read_text() == "old"
    assert names(tmp_path) == ["1"]


def test_overwriting_replaces_nothing_but_a_saved_model(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("precious")
    with pytest.raises(FileExistsError, match=r"without saved_model\.pb"):
        write_atomically(home, writer("new"), overwrite=True)
    assert (home / "thesis.tex").read_text() == "precious"


def test_overwriting_a_file_is_refused(tmp_path):
    (tmp_path / "1").write_text("precious")
    with pytest.raises(FileExistsError, match="should be a folder"):
        write_atomically(tmp_path / "1", writer("new"), overwrite=True)
    assert (tmp_path / "1").read_text() == "precious"


def test_a_target_that_appears_while_writing_is_kept(tmp_path):
    target = tmp_path / "1"

    def slow(folder):
        writer("new")(folder)
        writer("someone else's")(target)

    with pytest.raises(FileExistsError, match="should not exist"):
        write_atomically(target, slow)
    assert (target / "saved_model.pb").read_text() == "someone else's"
    assert names(tmp_path) == ["1"]


def test_extra_assets_go_along(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "assets.extra").mkdir(parents=True)
    (source / "assets.extra" / "requests").write_text("warm")
    target.mkdir()
    copy_extra_assets(source, target)
    assert (target / "assets.extra" / "requests").read_text() == "warm"
    copy_extra_assets(None, target)


def test_paths_of_other_file_systems_are_written_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_atomically("ram://models/1", one_file)
    assert tf.io.gfile.exists("ram://models/1/saved_model.pb")
    with pytest.raises(FileExistsError, match="unless `overwrite=True`"):
        write_atomically("ram://models/1", one_file)
    write_atomically("ram://models/1", one_file, overwrite=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", ["gs://no-bucket-of-ours/1", "nothing://here/1"])
def test_a_file_system_that_cannot_be_written_makes_no_folder(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((OSError, tf.errors.OpError)):
        write_atomically(path, one_file)
    assert not list(tmp_path.iterdir())


def test_home_is_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_atomically("~/served/1", one_file)
    assert (tmp_path / "served" / "1" / "saved_model.pb").exists()


def test_a_path_below_a_file_is_refused_by_name(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="should be one that can be written"):
        write_atomically(tmp_path / "file" / "1", one_file)


def one_file(folder):
    tf.io.gfile.makedirs(folder)
    with tf.io.gfile.GFile(f"{folder}/saved_model.pb", "w") as file:
        file.write("model")
