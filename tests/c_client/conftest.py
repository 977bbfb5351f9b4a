"""The C client and the op library, as they ship and sanitized, and models for them to serve."""

import pytest

from .client import Client
from .models import export_mlp


@pytest.fixture(scope="session")
def client():
    return Client.build()


@pytest.fixture(scope="session")
def sanitized_client():
    return Client.build("--config=asan")


@pytest.fixture(scope="session", params=["fp32", "bf16", "int8"])
def mlp(request, tmp_path_factory):
    """A Keras MLP of two pruned layers, 24 to 32 to 5, exported."""
    return export_mlp(tmp_path_factory.mktemp("mlp") / request.param, request.param)
