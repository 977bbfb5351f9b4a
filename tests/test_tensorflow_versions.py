"""One list of versions of TensorFlow, and what pyproject.toml says is the same."""

import importlib.metadata
import re
from pathlib import Path

import pytest

from tfsparse import tensorflow_versions

ROOT = Path(__file__).resolve().parent.parent
PROJECT = (ROOT / "pyproject.toml").read_text()


def test_the_extras_ask_for_what_is_served():
    oldest, newest = tensorflow_versions.SERVED[0], tensorflow_versions.SERVED[-1]
    after = f"2.{int(newest.split('.')[1]) + 1}"
    assert f"tensorflow>={oldest},<{after}" == tensorflow_versions.REQUIREMENT
    for package in tensorflow_versions.PACKAGES:
        (wanted,) = re.findall(rf'^{package} = \["(.+)"\]$', PROJECT, re.M)
        assert wanted == tensorflow_versions.REQUIREMENT.replace("tensorflow", package, 1)


@pytest.mark.parametrize(
    ("there", "found"),
    [
        *(([package], [package]) for package in tensorflow_versions.PACKAGES),
        (["tf_nightly"], ["tf-nightly"]),
        (["tensorflow", "tensorflow-rocm"], ["tensorflow", "tensorflow-rocm"]),
        ([], []),
    ],
)
def test_any_package_is_found(monkeypatch, there, found):
    def version(name):
        if name in found:
            return "2.20.1"
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    brought = {"tensorflow": there * 2, "other": ["x"]} if there else {}
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: brought)
    assert tensorflow_versions.bringing() == dict.fromkeys(found, "2.20.1")


def test_without_tensorflow(monkeypatch):
    tensorflow_versions.require_tensorflow()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"TensorFlow 2\.19 to 2\.21 should be.*tensorflow-cpu"):
        tensorflow_versions.require_tensorflow()
