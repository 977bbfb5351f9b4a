import numpy as np
import pytest

from tfsparse.conversion.packed import PackedStore
from tfsparse.ops import BlockSparseMatrix
from tfsparse.pattern import BlockPattern

from .helpers import blocky


@pytest.mark.parametrize("read", ["data", "indices"])
def test_weights_are_kept_while_either_variable_is_read(read):
    store = PackedStore()
    for name in ("one", "other"):
        matrix = BlockSparseMatrix.from_dense(blocky(8, 8, (4, 1), 0.5), BlockPattern(4, 1))
        packed = store.add((name, "fp32", "4x1"), matrix, None, name)
    store.keep_only({id(getattr(packed, read).handle)})
    assert store.get("one", "fp32", "4x1") is None
    assert store.get("other", "fp32", "4x1") is packed
    assert [each.name for each in store.variables] == ["other/data:0", "other/indices:0"]
    np.testing.assert_array_equal(store.variables[0], packed.data)
