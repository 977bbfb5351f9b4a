import pytest

from tfsparse.conversion.layer_name import layer_name


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
