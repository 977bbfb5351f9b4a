import pytest
import tensorflow as tf

from tfsparse.conversion import remote_saving
from tfsparse.conversion.remote_saving import check_remote, copy_files, write_remote

gfile = tf.io.gfile


@pytest.fixture
def place(tmp_path):
    return f"ram://{tmp_path.name}"


def put(path, text):
    gfile.makedirs(path.rpartition("/")[0])
    with gfile.GFile(path, "w") as file:
        file.write(text)


def writer(text, *names):
    def write(folder):
        for name in ("saved_model.pb", *names):
            put(f"{folder}/{name}", text)

    return write


def files(folder):
    """Name below the folder to text."""
    if not gfile.exists(folder):
        return {}
    return {
        f"{at}/{name}".replace("//", "/").partition("/1/")[2]: gfile.GFile(
            f"{at.rstrip('/')}/{name}"
        ).read()
        for at, _, names in gfile.walk(folder)
        for name in names
    }


def beside(place):
    return sorted(name.rstrip("/") for name in gfile.listdir(place))


def test_writes_a_folder_of_folders(place):
    write_remote(f"{place}/1", writer("new", "variables/index", "assets/a/b"), overwrite=False)
    names = ["assets/a/b", "saved_model.pb", "variables/index"]
    assert files(f"{place}/1") == dict.fromkeys(names, "new")
    assert beside(place) == ["1"]


def test_replaces_the_whole_folder(place):
    write_remote(f"{place}/1", writer("old", "left over"), overwrite=False)
    write_remote(f"{place}/1", writer("new"), overwrite=True)
    assert files(f"{place}/1") == {"saved_model.pb": "new"}
    assert beside(place) == ["1"]


def test_an_empty_folder_is_replaced(place):
    gfile.makedirs(f"{place}/1")
    write_remote(f"{place}/1", writer("new"), overwrite=True)
    assert files(f"{place}/1") == {"saved_model.pb": "new"}


def test_the_graph_moves_last(place, monkeypatch):
    moved = []
    rename = gfile.rename
    monkeypatch.setattr(gfile, "rename", lambda *paths: (moved.append(paths[1]), rename(*paths)))
    write_remote(f"{place}/1", writer("new", "a", "z", "variables/index"), overwrite=False)
    assert len(moved) == 4
    assert moved[-1] == f"{place}/1/saved_model.pb"


def test_a_failure_keeps_the_old_model_and_leaves_nothing(place):
    write_remote(f"{place}/1", writer("old"), overwrite=False)

    def failing(folder):
        writer("half")(folder)
        raise tf.errors.ResourceExhaustedError(None, None, "quota")

    with pytest.raises(tf.errors.ResourceExhaustedError):
        write_remote(f"{place}/1", failing, overwrite=True)
    assert files(f"{place}/1") == {"saved_model.pb": "old"}
    assert beside(place) == ["1"]


def test_a_target_that_appears_while_writing_is_kept(place):
    def slow(folder):
        writer("new")(folder)
        writer("someone else's")(f"{place}/1")

    with pytest.raises(FileExistsError, match="should not exist"):
        write_remote(f"{place}/1", slow, overwrite=False)
    assert files(f"{place}/1") == {"saved_model.pb": "someone else's"}


def test_a_check_writes_to_see_whether_it_can_and_leaves_nothing(place, monkeypatch):
    gfile.makedirs(place)
    check_remote(f"{place}/1", overwrite=False)
    assert beside(place) == []

    def refused(*_):
        raise tf.errors.PermissionDeniedError(None, None, "read only")

    monkeypatch.setattr(remote_saving.tf.io.gfile, "GFile", refused)
    with pytest.raises(tf.errors.PermissionDeniedError, match="read only"):
        check_remote(f"{place}/1", overwrite=False)
    assert beside(place) == []


def test_what_a_killed_process_left_is_reported(place):
    put(f"{place}/.1-0123abcd/variables", "half")
    put(f"{place}/.1-backup/thesis.tex", "precious")
    with pytest.warns(UserWarning, match=r"1-0123abcd.*was killed") as caught:
        check_remote(f"{place}/1", overwrite=False)
    assert len(caught) == 1
    assert beside(place) == [".1-0123abcd", ".1-backup"]


def test_copies_between_file_systems(place, tmp_path):
    (tmp_path / "1" / "more").mkdir(parents=True)
    (tmp_path / "1" / "more" / "labels").write_text("a b")
    copy_files(str(tmp_path / "1"), f"{place}/1")
    assert files(f"{place}/1") == {"more/labels": "a b"}
