"""A program without Python serves a converted convolutional network."""

import numpy as np
import pytest

from tests.long_cases import some_of

from .client import serve_in_python
from .models import export_resnet, images


@pytest.fixture(scope="module", params=["fp32", "bf16", "int8"])
def resnet(request, tmp_path_factory):
    """The folder, and the report of the export."""
    folder = tmp_path_factory.mktemp("resnet") / request.param
    return folder, export_resnet(folder, request.param)


@pytest.mark.parametrize("rows", some_of([1, 3], [3]))
def test_agrees_with_python_to_the_last_bit(client, resnet, rows):
    folder, report = resnet
    run, y = client.serve(folder, images(rows))
    assert run.returncode == 0, run.stderr
    expected = serve_in_python(folder, images(rows))
    assert y.shape == expected.shape == (rows, 5)
    np.testing.assert_array_equal(y.view(np.uint32), expected.view(np.uint32))
    assert all(row.converted and row.precision == folder.name for row in report)
    assert y.std() > 0.01


def test_images_of_other_channels_are_an_error(client, resnet):
    folder, _ = resnet
    run, _ = client.serve(folder, images(2)[..., 1:])
    assert run.returncode == 1
    assert "c_client: running the model: code 3: " in run.stderr
