import dataclasses
import json

import pytest

from tfsparse.conversion.report import ConversionReport, OpReport

STAYED = OpReport(
    layer="out",
    node="a/out/MatMul",
    signatures=("serve",),
    converted=False,
    shape=None,
    zeros=None,
    block=None,
    precision=None,
    input=None,
    output=None,
    fused=(),
    chain=(),
    speedup=None,
    error=None,
    reason="its weights are not constant",
)
CONVERTED = OpReport(
    layer="a_longer_name",
    node="a/b/Relu",
    signatures=("serve", "serving_default"),
    converted=True,
    shape=(512, 64),
    zeros=0.9,
    block="16x4",
    precision="int8",
    input="float32",
    output="uint8",
    fused=("bias", "gelu"),
    chain=("before", "a_longer_name"),
    speedup=4.25,
    error=0.0123,
    reason="predicted faster",
)
REPORT = ConversionReport((CONVERTED, STAYED))


def test_prints_an_aligned_table():
    heads, first, second, total = str(REPORT).splitlines()
    assert first.split("  ")[0] == "a_longer_name"
    for cell in (
        "(512, 64)",
        "90.0%",
        "16x4",
        "int8",
        "float32",
        "uint8",
        "bias+gelu",
        "4.25x",
        "1.23%",
    ):
        assert cell in first
    assert heads.index("zeros") == first.index("90.0%")
    assert heads.index("speed-up") == first.index("4.25x") == second.rindex("-         -")
    assert second.endswith("its weights are not constant")
    assert total == "1 of 2 products converted"


def test_a_layer_may_be_in_a_chain_more_than_once():
    chain = ("twice", "between", "twice")
    ops = [dataclasses.replace(CONVERTED, layer=name, chain=chain) for name in chain]
    lines = str(ConversionReport((*ops, STAYED))).splitlines()[1:4]
    assert all(f"{place} of 3" in line for place, line in enumerate(lines, 1))


def test_is_plain_data():
    data = json.loads(json.dumps(REPORT.as_dict()))
    assert data["ops"][0]["signatures"] == ["serve", "serving_default"]
    assert data["ops"][1]["reason"] == STAYED.reason


def test_is_read_by_layer_and_in_order():
    assert REPORT["out"] is STAYED
    assert list(REPORT) == [CONVERTED, STAYED] and len(REPORT) == 2
    with pytest.raises(KeyError, match="Received: layer='nothing'"):
        REPORT["nothing"]


def test_no_products_are_a_report_too():
    assert str(ConversionReport(())).endswith("0 of 0 products converted")


@pytest.mark.parametrize("wrong", [0, None, slice(1), ("out",)], ids=str)
def test_an_entry_by_anything_but_a_name_is_an_error(wrong):
    with pytest.raises(TypeError, match="`layer` should be a layer's name"):
        REPORT[wrong]
