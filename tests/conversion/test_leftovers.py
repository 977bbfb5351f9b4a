import fcntl
import logging
import os
import subprocess
import sys
import tempfile
import warnings

import pytest

from tfsparse.conversion.leftovers import ASIDE, OWNER, clean_up, scratch_folder

from .killing import killed_at


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def leave(near, *files):
    """What a process leaves that is killed while it has a scratch folder."""

    def work():
        with scratch_folder(near) as folder:
            for file in files:
                (folder / file).mkdir(parents=True)
            os.kill(os.getpid(), 9)

    assert killed_at(-1, (), work)


def test_it_lies_beside_its_target_and_is_gone_afterwards(tmp_path):
    with scratch_folder(near=tmp_path / "1") as folder:
        (folder / "new").mkdir()
        (folder / "file").write_text("x")
        (folder / "link").symlink_to(tmp_path)
        assert folder.parent == tmp_path
        assert folder.name.startswith(".1-")
    assert names(tmp_path) == []


def test_without_a_target_it_lies_in_the_temporary_directory(temporary):
    with scratch_folder() as folder:
        assert folder.parent == temporary
    assert names(temporary) == []


def test_it_is_gone_after_an_error(tmp_path):
    with pytest.raises(KeyboardInterrupt), scratch_folder(near=tmp_path / "1"):
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_that_of_a_dead_owner_is_removed_with_a_word(tmp_path):
    leave(tmp_path / "1", "new/variables")
    (left,) = names(tmp_path)
    with pytest.warns(UserWarning, match="was killed") as caught, scratch_folder(tmp_path / "1"):
        assert left not in names(tmp_path)
    assert left in str(caught[0].message)
    assert names(tmp_path) == []


def test_that_of_a_dead_owner_in_the_temporary_directory_is_logged(temporary, caplog):
    leave(None, "model")
    (left,) = names(temporary)
    with caplog.at_level(logging.INFO, "tfsparse"):
        clean_up()
    assert left in caplog.text
    assert names(temporary) == []


@pytest.mark.long
def test_that_of_a_living_owner_stays(tmp_path):
    script = (
        "import sys\nfrom tfsparse.conversion.leftovers import scratch_folder\n"
        "with scratch_folder(sys.argv[1]) as folder:\n"
        "    print(folder, flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "1")]
    owner = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    folder = owner.stdout.readline().strip()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clean_up(tmp_path / "1")
    assert [str(path) for path in tmp_path.iterdir()] == [folder]
    owner.kill()
    owner.communicate()
    with pytest.warns(UserWarning, match="was killed"):
        clean_up(tmp_path / "1")
    assert names(tmp_path) == []


def test_that_of_this_process_stays(tmp_path):
    with scratch_folder(tmp_path / "1") as folder:
        with scratch_folder(tmp_path / "1"):
            pass
        assert folder.exists()


@pytest.mark.parametrize("name", [".1-original", ".1-backup", ".1-backups1", ".10-abcdefgh", "1"])
def test_what_is_not_ours_stays(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "thesis.tex").write_text("precious")
    clean_up(tmp_path / "1")
    assert names(tmp_path) == [name]


def test_a_link_with_our_form_of_name_stays(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / OWNER).write_text("")
    (tmp_path / ".1-abcdefgh").symlink_to(tmp_path / "precious")
    clean_up(tmp_path / "1")
    assert names(tmp_path) == [".1-abcdefgh", "precious"]


def test_an_empty_one_is_removed(tmp_path):
    (tmp_path / ".1-abcdefgh").mkdir()
    clean_up(tmp_path / "1")
    assert names(tmp_path) == []


def test_the_target_that_was_moved_aside_is_put_back(tmp_path):
    leave(tmp_path / "1", f"{ASIDE}/variables", "new")
    with pytest.warns(UserWarning, match="put the model back"):
        clean_up(tmp_path / "1")
    assert names(tmp_path) == ["1"]
    assert names(tmp_path / "1") == ["variables"]


def test_a_target_that_is_there_is_not_replaced_by_what_was_moved_aside(tmp_path):
    leave(tmp_path / "1", f"{ASIDE}/variables")
    (tmp_path / "1").mkdir()
    with pytest.warns(UserWarning, match="has removed"):
        clean_up(tmp_path / "1")
    assert names(tmp_path) == ["1"]
    assert names(tmp_path / "1") == []


def test_no_parent_means_nothing_to_clean(tmp_path):
    clean_up(tmp_path / "none" / "1")


def test_without_locks_nothing_is_taken_for_dead(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError("no locks available")

    leave(tmp_path / "1", "new")
    before = names(tmp_path)
    monkeypatch.setattr(fcntl, "flock", unsupported)
    with scratch_folder(tmp_path / "1") as folder:
        assert folder.exists()
    assert names(tmp_path) == before


def test_a_folder_that_another_process_takes_for_a_dead_ones_is_made_anew(tmp_path, monkeypatch):
    flock, lost = fcntl.flock, []

    def clean_first(descriptor, operation):
        if not lost:
            lost.append(names(tmp_path))
            monkeypatch.setattr(fcntl, "flock", flock)
            with pytest.warns(UserWarning, match="was killed"):
                clean_up(tmp_path / "1")
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", clean_first)
    with scratch_folder(tmp_path / "1") as folder:
        assert names(folder) == [OWNER]
        assert names(tmp_path) != lost[0]
    assert names(tmp_path) == []
