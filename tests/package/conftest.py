"""A wheel with the checkout's library, and an environment that has it."""

import build_wheel
import pytest
import tensorflow_libraries

from .environments import make_environment


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    library = {
        tensorflow_libraries.own_version(): tensorflow_libraries.ROOT / tensorflow_libraries.OWN
    }
    return build_wheel.build_wheel(tmp_path_factory.mktemp("dist"), library)


@pytest.fixture(scope="session")
def environment(wheel, tmp_path_factory):
    """A new environment with the wheel; gives its Python."""
    return make_environment(tmp_path_factory.mktemp("environment"), wheel)
