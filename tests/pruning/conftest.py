"""Every test that takes `keras` runs once with Keras 3 and once with tf_keras."""

import importlib

import pytest


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    """One version of Keras, its random state reset."""
    module = importlib.import_module(request.param)
    module.utils.set_random_seed(7)
    return module
