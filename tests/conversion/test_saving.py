import errno
import shutil
import stat
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest
import tensorflow as tf

from tfsparse.conversion import exchange, leftovers, saving
from tfsparse.conversion.saving import check_target, copy_extra_assets, write_atomically

from .killing import killed_at

STEPS = [module.__file__ for module in (saving, exchange, leftovers, tempfile, shutil)]
"""Files whose lines are the steps of a save."""

SECOND_FILE = "variables/variables.index"


def writer(text):
    """Writes a model of two files, so that a mixture of two models would be seen."""

    def write(folder):
        for name in (SECOND_FILE, "saved_model.pb"):
            tf.io.gfile.makedirs(str(Path(folder, name).parent).replace(":/", "://"))
            with tf.io.gfile.GFile(f"{folder}/{name}", "w") as file:
                file.write(text)

    return write


def whole(target):
    """The text of a model, which is the same in both of its files."""
    texts = [(target / name).read_text() for name in (SECOND_FILE, "saved_model.pb")]
    assert texts[0] == texts[1]
    return texts[0]


def failing(folder):
    tf.io.gfile.makedirs(folder)
    with tf.io.gfile.GFile(f"{folder}/variables", "w") as file:
        file.write("half")
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
        writer("old")(str(target))
    with pytest.raises(FileExistsError, match="should not exist, unless `overwrite=True`"):
        write_atomically(target, writer("new"))
    assert names(tmp_path) == ["1"]


def test_overwriting_replaces_the_whole_folder(tmp_path):
    target = tmp_path / "1"
    write_atomically(target, writer("old"))
    (target / "left over").write_text("")
    write_atomically(target, writer("new"), overwrite=True)
    assert names(target) == ["saved_model.pb", "variables"]
    assert (target / "saved_model.pb").read_text() == "new"
    assert names(tmp_path) == ["1"]


def test_overwriting_keeps_the_old_model_when_writing_fails(tmp_path):
    target = tmp_path / "1"
    write_atomically(target, writer("old"))
    with pytest.raises(OSError, match="disk full"):
        write_atomically(target, failing, overwrite=True)
    assert (target / "saved_model.pb").read_text() == "old"
    assert names(tmp_path) == ["1"]


def test_overwriting_keeps_the_old_model_when_it_cannot_be_replaced(tmp_path, monkeypatch):
    target = tmp_path / "1"
    write_atomically(target, writer("old"))

    def refused(*_):
        raise PermissionError(errno.EPERM, "not permitted")

    monkeypatch.setattr(exchange, "_rename", refused)
    with pytest.raises(PermissionError, match=r"can be written. Received: path=.*not permitted"):
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
        writer("someone else's")(str(target))

    with pytest.raises(FileExistsError, match="should not exist"):
        write_atomically(target, slow)
    assert (target / "saved_model.pb").read_text() == "someone else's"
    assert names(tmp_path) == ["1"]


def test_a_target_that_appears_at_the_last_moment_is_kept(tmp_path, monkeypatch):
    target = tmp_path / "1"
    put_in_place = exchange.put_in_place

    def too_late(*folders):
        monkeypatch.setattr(saving, "put_in_place", put_in_place)
        writer("someone else's")(str(target))
        raise FileExistsError(errno.EEXIST, "exists")

    monkeypatch.setattr(saving, "put_in_place", too_late)
    with pytest.raises(FileExistsError, match="should not exist"):
        write_atomically(target, writer("new"))
    assert whole(target) == "someone else's"
    assert names(tmp_path) == ["1"]


def test_parents_that_were_made_go_when_writing_fails(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(OSError, match="disk full"):
        write_atomically(tmp_path / "mine" / "served" / "models" / "1", failing)
    assert names(tmp_path) == ["mine"]
    assert names(tmp_path / "mine") == []


# What cannot be written.


@pytest.mark.parametrize("check", [check_target, lambda path, _: write_atomically(path, failing)])
@pytest.mark.parametrize("below", ["1", "served/models/1"])
def test_a_path_below_a_file_is_an_error_that_names_it(tmp_path, check, below):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / below
    with pytest.raises(NotADirectoryError, match="should be a place that can be written") as caught:
        check(path, False)
    assert f"path={str(path)!r}" in str(caught.value)
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs a file system of the kernel")
def test_a_folder_that_nobody_may_write_is_an_error_that_names_it():
    with pytest.raises(OSError, match=r"should be a place .*path='/proc/self/fd/model/1'"):
        check_target("/proc/self/fd/model/1", overwrite=False)


@pytest.mark.parametrize(
    "error",
    [
        tf.errors.FailedPreconditionError(None, None, "could not resolve host"),
        tf.errors.PermissionDeniedError(None, None, "no access"),
    ],
)
def test_a_bucket_without_access_is_an_error_that_names_it(error, tmp_path, monkeypatch):
    def refused(*_):
        raise error

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tf.io.gfile, "exists", refused)
    with pytest.raises(OSError, match="should be a place that can be written") as caught:
        check_target("gs://bucket/1", overwrite=False)
    assert f"path='gs://bucket/1', which gives: {error.message}" in str(caught.value)
    assert names(tmp_path) == []


@pytest.mark.parametrize("path", ["s3://bucket/1", "un-known://bucket/1", Path("gs://bucket/1")])
def test_an_unknown_scheme_is_never_taken_for_a_folder(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="scheme"):
        write_atomically(path, writer("new"))
    assert names(tmp_path) == []


def test_a_check_makes_nothing(tmp_path):
    path = tmp_path / "served" / "models" / "1"
    assert check_target(path, overwrite=False) == str(path)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        tf.errors.ResourceExhaustedError(None, None, "write: No space left on device"),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_full_disk_is_one_clear_error_and_leaves_nothing(tmp_path, error, overwrite):
    def full(folder):
        writer("half")(folder)
        raise error

    target = tmp_path / "served" / "1"
    if overwrite:
        write_atomically(target, writer("old"))
    with pytest.raises(OSError, match="should have room for the model") as caught:
        write_atomically(target, full, overwrite)
    assert caught.value.errno in (errno.ENOSPC, errno.EDQUOT)
    assert f"path={str(target)!r}" in str(caught.value)
    if overwrite:
        assert whole(target) == "old"
        assert names(tmp_path / "served") == ["1"]
    else:
        assert names(tmp_path) == []


def test_a_disk_that_is_full_only_when_it_is_flushed(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(saving.os, "fsync", full)
    with pytest.raises(OSError, match="should have room for the model"):
        write_atomically(tmp_path / "1", writer("new"))
    assert names(tmp_path) == []


def test_errors_of_the_model_are_its_own(tmp_path):
    def wrong(folder):
        raise tf.errors.FailedPreconditionError(None, None, "uninitialized")

    with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized"):
        write_atomically(tmp_path / "1", wrong)
    assert names(tmp_path) == []


def test_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_atomically("~/served/1", writer("new"))
    assert whole(tmp_path / "served" / "1") == "new"


def test_a_file_url(tmp_path):
    write_atomically(f"file://{tmp_path}/1", writer("new"))
    assert whole(tmp_path / "1") == "new"


# Killed at every step.


def kills(target, prepare, overwrite):
    """Kills a save at every step in turn, from a fresh start; yields after each."""
    for step in range(10_000):
        shutil.rmtree(target.parent)
        target.parent.mkdir()
        prepare()
        if not killed_at(step, STEPS, lambda: write_atomically(target, writer("new"), overwrite)):
            assert step > 50
            return
        yield step


@pytest.fixture(params=["exchanged", "in two steps"])
def kind(request, monkeypatch):
    if request.param == "in two steps":
        monkeypatch.setattr(exchange, "_rename", lambda *_: False)
    return request.param


def test_a_kill_leaves_the_old_model_or_the_new_one(tmp_path, kind):
    target = tmp_path / "served" / "1"
    target.parent.mkdir()
    found, left = [], set()
    for _ in kills(target, lambda: writer("old")(str(target)), overwrite=True):
        if kind == "exchanged":
            found.append(whole(target))
        left.add(len(names(target.parent)))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            check_target(target, overwrite=True)
        assert names(target.parent) == ["1"]
        assert whole(target) in ("old", "new")
        found.append(whole(target))
        assert not caught or "was killed" in str(caught[0].message)
    assert found == sorted(found, reverse=True)
    assert set(found) == {"old", "new"}
    assert left == {1, 2}


def test_a_kill_leaves_no_model_or_the_new_one(tmp_path, kind):
    target = tmp_path / "served" / "1"
    target.parent.mkdir()
    found = []
    for _ in kills(target, lambda: None, overwrite=False):
        found.append(whole(target) if target.exists() else "")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check_target(target, overwrite=True)
        assert (whole(target) if target.exists() else "") == found[-1]
        assert names(target.parent) == (["1"] if found[-1] else [])
    assert found == sorted(found)
    assert set(found) == {"", "new"}


# Read while it is written.

READER = """
import os, sys
missing = polls = 0
print("ready", flush=True)
os.set_blocking(0, False)
while sys.stdin.read(1) == "":
    for _ in range(100):
        polls += 1
        missing += not os.path.exists(sys.argv[1])
print(polls, missing)
"""


def test_a_reader_never_misses_the_folder(tmp_path):
    if not exchanges(tmp_path):
        pytest.skip("the file system cannot exchange names")
    target = tmp_path / "1"
    write_atomically(target, writer("0"))
    command = [sys.executable, "-c", READER, str(target)]
    reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert reader.stdout.readline() == "ready\n"
    for count in range(100):
        write_atomically(target, writer(str(count)), overwrite=True)
    output, _ = reader.communicate("x")
    polls, missing = map(int, output.split())
    assert polls > 1000
    assert missing == 0


def exchanges(folder):
    one, other = folder / "one", folder / "other"
    one.mkdir()
    other.mkdir()
    try:
        return exchange._rename(one, other, exchange._EXCHANGE)
    finally:
        one.rmdir()
        other.rmdir()


# File systems with a scheme; tests/conversion/test_remote_saving.py has more.


def test_a_remote_folder(tmp_path):
    target = f"ram://{tmp_path.name}/served/1"
    write_atomically(target, writer("old"))
    write_atomically(target, writer("new"), overwrite=True)
    assert tf.io.gfile.GFile(f"{target}/saved_model.pb").read() == "new"
    assert tf.io.gfile.GFile(f"{target}/{SECOND_FILE}").read() == "new"


@pytest.mark.parametrize("scheme", ["", "ram:/"])
def test_extra_assets_go_along(tmp_path, scheme):
    source, target = tmp_path / "source", f"{scheme}{tmp_path}/target"
    (source / "assets.extra" / "more").mkdir(parents=True)
    (source / "assets.extra" / "requests").write_text("warm")
    (source / "assets.extra" / "more" / "labels").write_text("a b")
    tf.io.gfile.makedirs(target)
    copy_extra_assets(str(source), target)
    assert tf.io.gfile.GFile(f"{target}/assets.extra/requests").read() == "warm"
    assert tf.io.gfile.GFile(f"{target}/assets.extra/more/labels").read() == "a b"


def test_without_extra_assets_nothing_is_copied(tmp_path):
    (tmp_path / "source").mkdir()
    copy_extra_assets(None, tmp_path)
    copy_extra_assets(str(tmp_path / "source"), tmp_path)
    assert names(tmp_path) == ["source"]
