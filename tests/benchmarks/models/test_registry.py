"""Every file of the zoo is a model whose inputs can be drawn."""

import numpy as np
import pytest

from benchmarks.models import registry


def test_the_models_are_those_of_the_contract():
    wanted = {"dlrm_mlp", "bert_mini", "bert_base", "mixer", "tfk_transformer"}
    wanted |= {"bert_large", "vit_b16"}
    wanted |= {"resnet50", "resnet20", "resnext101", "ssd_resnet34"}
    wanted |= {"mobilenet_v2", "efficientnet_b0", "densenet121"}
    assert wanted <= set(registry.names())


@pytest.mark.parametrize("name", registry.names())
def test_inputs_have_as_many_rows_as_asked_and_a_seed_gives_one(name):
    model = registry.find(name)
    drawn, again = (model.inputs(np.random.default_rng(0), 3) for _ in range(2))
    assert drawn and all(len(array) == 3 for array in drawn.values())
    assert all((drawn[key] == again[key]).all() for key in drawn)
    assert model.about and model.batches and model.calibration > 0


def test_a_model_may_be_elsewhere():
    assert registry.find("tests.benchmarks.models.tiny_model").batches == (3,)
