"""What a layer was given that only the running program knows: functions and classes of a user's.

A layer is cloned by its configuration, in which an activation, an initializer or a
constraint of the user's is a name. Keras finds it again only where it was registered,
which a model that is never saved has no need of. But the original is at hand, and
holds the object itself: under the names from here its copy finds it.

A lambda has no name and stays what Keras refuses to make from a configuration.
"""

from __future__ import annotations

import inspect
from typing import Any

from tfsparse.pruning.layer_tree import descendants, flat

_KNOWN = ("keras", "tf_keras", "tensorflow", "builtins")


def live_objects(layer: Any) -> dict[str, Any]:
    """Functions, and classes of objects, in the attributes of a layer and of those inside it.

    Args:
        layer: A layer of Keras 3 or tf_keras.

    Returns:
        Them by their names, for a scope of custom objects; nothing of Keras's own.
    """
    # An attribute that the class has too is a method that Keras has wrapped.
    values = (
        value
        for one in descendants(layer)
        for name, value in vars(one).items()
        if not hasattr(type(one), name)
    )
    found = (_named(value) for held in values for value in flat(held))
    return {one.__name__: one for one in found if one is not None}


def _named(value: Any) -> Any | None:
    """The function, or the class of the object, if it is a user's and can be saved."""
    named = value if inspect.isfunction(value) else type(value)
    if not inspect.isfunction(value) and not hasattr(value, "get_config"):
        return None
    own = named.__module__.partition(".")[0] not in _KNOWN and named.__name__ != "<lambda>"
    return named if own else None
