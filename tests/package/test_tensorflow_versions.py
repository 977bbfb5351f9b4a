"""One wheel under each TensorFlow that it serves, in environments of their own; and they agree.

The environments and libraries are those of `make wheel`, made here where they are missing: that
takes long. `make test-wheel` runs it.
"""

import os
import subprocess
import sys

import build_wheel
import numpy as np
import pytest
import tensorflow_libraries
from tensorflow_libraries import ROOT, SERVED

pytestmark = pytest.mark.long
OWN = tensorflow_libraries.own_version()


@pytest.fixture(scope="module")
def pythons():
    """Version to the Python that has it; those that cannot be installed are left out."""
    found = {OWN: sys.executable}
    for version in set(SERVED) - {OWN}:
        try:
            found[version] = tensorflow_libraries.environment(version)
        except subprocess.CalledProcessError as error:
            print(f"TensorFlow {version} cannot be installed: {error}")
    return found


@pytest.fixture(scope="module")
def package(pythons, tmp_path_factory):
    """A folder with the package from a wheel that has a library for each version."""
    for version in set(pythons) - {OWN}:
        tensorflow_libraries.build_library(version)
    built = tensorflow_libraries.libraries()
    folder = tmp_path_factory.mktemp("wheel")
    wheel = build_wheel.build_wheel(folder, {version: built[version] for version in pythons})
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, "--target", folder / "package", wheel], check=True)
    return folder / "package"


@pytest.fixture(scope="module")
def results(pythons, package, tmp_path_factory):
    """Version to what `version_probe.py` has written."""
    folder = tmp_path_factory.mktemp("results")
    found = {}
    for version in sorted(pythons, key=lambda version: version != OWN):
        out = folder / f"{version}.npz"
        command = [pythons[version], ROOT / "tests/package/version_probe.py"]
        environment = {**os.environ, "PYTHONPATH": str(package), "CUDA_VISIBLE_DEVICES": "-1"}
        done = subprocess.run(
            [*command, folder / "shared", out],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        found[version] = dict(np.load(out))
    return found


@pytest.fixture(params=SERVED)
def version(request, pythons):
    if request.param not in pythons:
        pytest.skip(f"TensorFlow {request.param} cannot be installed here")
    return request.param


def test_the_library_of_the_version_is_taken(results, package, version):
    found = results[version]
    assert str(found["tensorflow"]).startswith(f"{version}.")
    assert str(found["built_for"]).startswith(f"{version}.")
    assert str(found["package"]).startswith(str(package))


def test_an_op_gives_the_same_bits(results, version):
    np.testing.assert_array_equal(results[version]["product"], results[OWN]["product"])


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_model_of_another_version_gives_the_same(results, version, precision):
    name = f"shared_{precision}"
    difference = np.abs(results[version][name] - results[OWN][name]).max()
    print(f"{version}, {name}: {difference:.3g}")
    assert difference == 0 if precision == "int8" else difference < 1e-5


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_conversion_under_the_version_gives_the_same(results, version, precision):
    """Ranges of INT8 come from TensorFlow's own dense products, which may round otherwise."""
    name = f"own_{precision}"
    scale = np.abs(results[OWN][name]).max()
    difference = np.abs(results[version][name] - results[OWN][name]).max()
    print(f"{version}, {name}: {difference:.3g} of {scale:.3g}")
    assert difference <= (1e-5 if precision == "fp32" else 1e-2) * scale
