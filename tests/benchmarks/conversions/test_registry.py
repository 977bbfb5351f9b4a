"""The models are those of the contract, each with a name of its own."""

from benchmarks.conversions import registry


def test_the_models_are_those_of_the_contract():
    models = registry.models()
    wanted = "hub_bert hub_distilbert hub_roberta hub_vit hub_gpt2 bert_large dlrm_tables"
    wanted += " keras3_functional keras3_subclassed keras3_sequential"
    wanted += " tfk_functional tfk_subclassed tfk_sequential tf1_saved_model tf_module"
    wanted += " text_classifier vae stateful_rnn four_signatures mixed_float16 mixed_bfloat16"
    wanted += " keras_int8 tfmot_1x4 unstructured_95 nothing"
    assert set(wanted.split()) <= set(models)
    large = {model.name for model in models.values() if model.is_large}
    assert large == {"bert_large", "dlrm_tables"}
    assert all(model.about and name == model.name for name, model in models.items())


def test_a_model_may_be_elsewhere():
    assert registry.find("tests.benchmarks.conversions.tiny_models:dense").name == "dense"
