import numpy as np
import pytest

from .helpers import FEATURES
from .layer_contract import check_layer

LAYERS = {
    "plain": {},
    "relu without bias": {"activation": "relu", "use_bias": False},
    "regularized": {"kernel_regularizer": "l1", "activity_regularizer": "l2"},
    "constrained": {"kernel_constraint": "max_norm"},
    "named and narrow": {"units": 10, "name": "mine"},
}


@pytest.mark.parametrize("options", LAYERS.values(), ids=LAYERS)
def test_dense(keras, options, tmp_path):
    options = {"units": 8, **options}
    shape = (12, 3, FEATURES) if options.get("use_bias", True) else (12, FEATURES)
    optimizers = [
        # The mask is in place before the first step, so slots never see a
        # gradient of a pruned block and have to stay zero.
        lambda: keras.optimizers.Adam(0.05),
        lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
        lambda: keras.optimizers.AdamW(0.05, weight_decay=0.1),
        lambda: keras.optimizers.RMSprop(0.01),
    ]
    check_layer(
        keras,
        lambda: keras.layers.Dense(**options),
        np.random.default_rng(0).standard_normal(shape).astype("float32"),
        optimizers=optimizers if len(options) == 1 else optimizers[:1],
        tmp_path=tmp_path,
    )
