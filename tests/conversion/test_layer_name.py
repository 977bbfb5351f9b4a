import pytest

from tfsparse.conversion.layer_name import common_scope, is_named, layer_name


@pytest.mark.parametrize(
    ("node", "variable", "name"),
    [
        ("StatefulPartitionedCall/functional_1/dense_1_1/MatMul", "dense_1/kernel", "dense_1"),
        ("StatefulPartitionedCall/model/x/MatMul", "block/dense/kernel", "block/dense"),
        ("StatefulPartitionedCall/model/dense/MatMul", "Variable", "model/dense"),
        ("PartitionedCall/model/dense/Tensordot/MatMul", None, "model/dense"),
        ("PartitionedCall/MatMul_3", None, "MatMul_3"),
        ("StatefulPartitionedCall_1/a/BatchMatMulV2", None, "a"),
        ("MatMul", None, "MatMul"),
    ],
)
def test_names_the_layer_as_its_user_does(node, variable, name):
    assert layer_name(node, variable) == name


@pytest.mark.parametrize(
    ("name", "named"), [("a/b/c", True), ("b/c", True), ("c", True), ("b", False), ("/c", False)]
)
def test_a_name_may_be_the_last_part(name, named):
    assert is_named("a/b/c", name) is named


@pytest.mark.parametrize(
    ("variables", "scope"),
    [
        (["sequential/a/kernel", "sequential/a/bias", "sequential/block/b/kernel"], "sequential/"),
        (["a/kernel", "a/bias"], ""),
        (["a/kernel", "b/kernel"], ""),
        (["sequential/a/kernel", "Variable"], ""),
        ([], ""),
    ],
)
def test_a_scope_around_everything_is_no_layer(variables, scope):
    assert common_scope(variables) == scope
