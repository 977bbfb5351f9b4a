import os

import pytest
import tensorflow as tf

from tfsparse.conversion.overwriting import refuse_what_is_there


def fill(folder, name):
    tf.io.gfile.makedirs(folder)
    with tf.io.gfile.GFile(f"{folder}/{name}", "w") as file:
        file.write("x")


@pytest.fixture(params=["local", "remote"])
def place(request, tmp_path):
    return str(tmp_path) if request.param == "local" else f"ram://{tmp_path.name}"


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_free_place_is_taken(place, overwrite):
    refuse_what_is_there(f"{place}/1", overwrite)


def test_a_model_is_replaced_on_request_only(place):
    fill(f"{place}/1", "saved_model.pb")
    refuse_what_is_there(f"{place}/1", overwrite=True)
    with pytest.raises(FileExistsError, match="unless `overwrite=True`"):
        refuse_what_is_there(f"{place}/1", overwrite=False)


def test_a_folder_of_other_things_is_not_replaced(place):
    fill(f"{place}/1", "thesis.tex")
    with pytest.raises(FileExistsError, match=r"without saved_model\.pb"):
        refuse_what_is_there(f"{place}/1", overwrite=True)


def test_a_file_is_not_replaced(place):
    fill(place, "1")
    with pytest.raises(FileExistsError, match="should be a folder"):
        refuse_what_is_there(f"{place}/1", overwrite=True)


def test_a_link_is_not_replaced(tmp_path):
    fill(tmp_path / "model", "saved_model.pb")
    (tmp_path / "1").symlink_to(tmp_path / "model")
    with pytest.raises(FileExistsError, match="should be a folder"):
        refuse_what_is_there(str(tmp_path / "1"), overwrite=True)


def test_a_mount_point_is_not_replaced(tmp_path, monkeypatch):
    fill(tmp_path / "1", "saved_model.pb")
    monkeypatch.setattr(os.path, "ismount", lambda path: path == str(tmp_path / "1"))
    with pytest.raises(FileExistsError, match="a mount point"):
        refuse_what_is_there(str(tmp_path / "1"), overwrite=True)
