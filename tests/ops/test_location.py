from pathlib import Path

import pytest

from tfsparse.ops.location import is_remote, location


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/served/1/", "/served/1"),
        (Path("/served/1"), "/served/1"),
        ("/served/../1", "/1"),
        ("file:///served/1", "/served/1"),
        ("~/m", "/home/me/m"),
        (Path("~/m"), "/home/me/m"),
        ("gs://bucket/served/1//", "gs://bucket/served/1"),
        ("ram://~/1", "ram://~/1"),
        ("/odd/gs://b", "/odd/gs:/b"),
    ],
)
def test_a_path_means_a_place(path, found, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert location(path) == found


def test_a_relative_path_is_below_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert location("served/1") == str(tmp_path / "served" / "1")


@pytest.mark.parametrize("path", ["gs:/b/1", Path("gs://b/1")])
def test_a_slash_that_pathlib_dropped_is_missed(path):
    with pytest.raises(ValueError, match="two slashes after its scheme"):
        location(path)


@pytest.mark.parametrize("path", ["s3://b/1", "un-known://b/1", "x://b"])
def test_a_scheme_that_tensorflow_does_not_know_is_refused(path):
    with pytest.raises(ValueError, match=r"knows, of .*'gs'.*tensorflow-io.* Received: path") as e:
        location(path)
    assert repr(path) in str(e.value)


def test_an_empty_path_is_none():
    with pytest.raises(ValueError, match="should name a folder"):
        location("")


@pytest.mark.parametrize(
    ("path", "found"), [("gs://b", True), ("/a", False), ("/a://b", False), ("a:/b", False)]
)
def test_a_scheme_makes_it_remote(path, found):
    assert is_remote(path) == found
