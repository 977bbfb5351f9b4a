"""tfsparse: block-pattern pruning for Keras, block-sparse CPU kernels for TensorFlow.

Importing it registers the ops, so that `tf.saved_model.load` can load what `export`
has written. In a checkout without a built op library there is nothing to register:
models can be pruned, and what needs the ops says that they are missing.

In the process of the command `tfsparse` the package stays empty, and the command imports what it
needs by itself: to import TensorFlow takes seconds, and ``tfsparse --help`` does not need it.
"""

from tfsparse.cli.starting import is_the_command

if not is_the_command():
    from tfsparse.tensorflow_versions import require_tensorflow

    require_tensorflow()
    from tfsparse.index import *  # noqa: F403
    from tfsparse.index import __all__ as __all__
