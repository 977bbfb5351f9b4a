"""KerasHub's backbones: attention and normalizations become one op each."""

import keras
import numpy as np
import pytest

import tfsparse
from tests.long_cases import some_of

from .helpers import dtype_of, nodes
from .test_convert import everything

keras_hub = pytest.importorskip("keras_hub", reason="keras-hub is not installed")

TEXT = {
    "vocabulary_size": 30,
    "num_layers": 1,
    "num_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 24,
    "max_sequence_length": 12,
}
GROUPED = {
    "vocabulary_size": 30,
    "num_layers": 1,
    "num_query_heads": 4,
    "num_key_value_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 24,
}
IMAGE = {
    "image_shape": (16, 16, 3),
    "patch_size": 8,
    "num_layers": 1,
    "num_heads": 2,
    "hidden_dim": 16,
    "mlp_dim": 24,
}

# Name, settings, and how many normalizations there are.
BACKBONES = {
    "BertBackbone": (TEXT, 3),
    "DistilBertBackbone": (TEXT, 3),
    "RobertaBackbone": (TEXT, 3),
    "AlbertBackbone": (TEXT | {"embedding_dim": 8}, 3),
    "GPT2Backbone": (TEXT, 3),
    "ViTBackbone": (IMAGE, 3),
    "LlamaBackbone": (GROUPED, 3),
    "GemmaBackbone": (GROUPED | {"head_dim": 4}, 3),
}


def backbone(name):
    made = getattr(keras_hub.models, name)(**BACKBONES[name][0])
    rng = np.random.default_rng(0)
    for variable in made.weights:
        noise = rng.standard_normal(variable.shape).astype(np.float32)
        variable.assign(variable.numpy() + 0.1 * noise)
    return made


def data(name, length=9):
    if name == "ViTBackbone":
        return np.random.default_rng(0).random((2, 16, 16, 3)).astype(np.float32)
    x = {
        "token_ids": np.random.default_rng(0).integers(0, 30, (3, length), np.int32),
        "padding_mask": (np.arange(length) < np.array([[length], [4], [0]])).astype(np.int32),
    }
    if name in ("BertBackbone", "AlbertBackbone"):
        x["segment_ids"] = np.zeros((3, length), np.int32)
    return x


def results(value):
    """Each result, by order of names."""
    if not isinstance(value, dict):
        return [np.asarray(value)]
    return [np.asarray(value[key]) for key in sorted(value)]


@pytest.mark.parametrize(
    "name", some_of(BACKBONES, ["BertBackbone", "GPT2Backbone", "ViTBackbone", "LlamaBackbone"])
)
def test_backbones(name):
    model = backbone(name)
    converted = tfsparse.convert(model)
    rows = converted.report.whole_layers
    assert all(row.converted for row in rows), converted.report
    kinds = [row.kind for row in rows]
    assert (kinds.count("attention"), kinds.count("normalization")) == (1, BACKBONES[name][1])
    x = data(name)
    given = {} if not isinstance(x, dict) else x
    found = converted(**given) if given else converted(x)
    for y, wanted in zip(results(found), results(model(x)), strict=True):
        np.testing.assert_allclose(y, wanted, rtol=2e-5, atol=2e-5 * np.abs(wanted).max())


def test_bert_in_int8_passes_uint8_on():
    model, x = backbone("BertBackbone"), data("BertBackbone")
    converted = everything(model, "int8", x)
    graph = converted.graph_def()
    (attention,) = nodes(graph, "Tfsparse>QuantizedAttention")
    assert dtype_of(attention, "Tin").name == dtype_of(attention, "Tout").name == "uint8"
    norms = nodes(graph, "Tfsparse>Normalization")
    # The last one is the model's own result, and its first token the pooler's.
    assert sorted((n.attr["float_y"].b, n.attr["uint8_y"].b) for n in norms) == [
        (True, False),
        (True, True),
        (True, True),
    ]
    inputs = {row.layer.split("/")[-1]: row.input for row in converted.report}
    assert inputs["query"] == inputs["attention_output"] == "uint8"
    for y, wanted in zip(results(converted(**x)), results(model(x)), strict=True):
        assert np.abs(y - wanted).max() < 0.08 * np.abs(wanted).max()


@pytest.mark.parametrize(
    ("precision", "target", "compute"),
    [
        ("fp32", "zen4", b"float32"),
        ("bf16", "zen4", b"bfloat16"),
        ("bf16", "icelake", b"float32"),
        ("bf16", "sapphirerapids", b"float32"),
        ("int8", "sapphirerapids", b"bfloat16"),
        ("int8", "icelake", b"bfloat16"),
        ("int8", "alderlake", b"float32"),
    ],
)
def test_attention_multiplies_bfloat16_where_that_is_faster(precision, target, compute):
    x = keras.layers.Input((4, 6), name="x")
    model = keras.Model(x, keras.layers.MultiHeadAttention(2, 3)(x, x))
    data = np.ones((8, 4, 6), "float32") if precision == "int8" else None
    graph = tfsparse.convert(model, precision, target=target, calibration_data=data).graph_def()
    (node,) = [node for node in graph.node if node.op.endswith("Attention")]
    assert node.attr["compute"].s == compute


def test_in_ops_of_tensorflow_all_stay():
    graph = tfsparse.convert(backbone("ViTBackbone"), ops="tensorflow").graph_def()
    assert not [node for node in graph.node if node.op.startswith("Tfsparse>")]


def test_the_report_counts_them():
    x = keras.layers.Input((4, 6), name="x")
    y = keras.layers.LayerNormalization(name="norm")(x)
    report = tfsparse.convert(keras.Model(x, y)).report
    assert "1 of 1 normalizations in one op each" in str(report)
    assert [row["layer"] for row in report.as_dict()["whole_layers"]] == ["norm"]
