import pytest

from .layer_cases import ATTENTION_OF_KERAS_3, CASES
from .layer_contract import check_case

# A plain run does those in both versions of Keras, one of each kind...
BOTH = {
    *("Dense", "Dense 2:4", "EinsumDense heads", "Conv2D", "LSTM", "self-attention"),
    *("model as a layer", "own kernel", "block with build"),
}
# ...and leaves out those that are like another one, but take longer.
LONG = {
    *("EinsumDense group channel", "EinsumDense ellipsis", "Conv2D channel", "SeparableConv1D"),
    *("attention with a mask", "attention after masks", "cross-attention", "encoder"),
    *("TimeDistributed after masks", "block without build", "experts 2:4", "experts inside"),
    *("LSTM 2:4", "LSTM after masks", "GRU", "SimpleRNN", "encoder after masks"),
    *("Dense channel", "Dense without bias", "Dense constrained", "Conv2D 2:4"),
    *("Conv1D in groups", "EinsumDense merge", "SeparableConv2D", "decoder with two inputs"),
}


def marks(name):
    if name in LONG:
        return pytest.mark.long
    return () if name in BOTH else pytest.mark.one_keras


@pytest.mark.parametrize("name", [pytest.param(name, marks=marks(name)) for name in CASES])
def test_layer(keras, name, tmp_path):
    if name in ATTENTION_OF_KERAS_3 and keras.__name__ != "keras":
        pytest.skip("tf_keras has no such layer")
    check_case(keras, CASES[name], tmp_path)
