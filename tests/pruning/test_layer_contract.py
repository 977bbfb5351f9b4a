import pytest

from .layer_cases import ATTENTION_OF_KERAS_3, CASES
from .layer_contract import check_case


@pytest.mark.parametrize("name", CASES)
def test_layer(keras, name, tmp_path):
    if name in ATTENTION_OF_KERAS_3 and keras.__name__ != "keras":
        pytest.skip("tf_keras has no such layer")
    check_case(keras, CASES[name], tmp_path)
