"""Makes what is inside a copied layer quantized, or adapted by LoRA, as in the layer.

Keras 3 changes such layers after they are built, weights and all, and each says so
in its configuration. A layer around them does not: attention that is made from its
configuration has plain projections, to which the weights cannot be copied.
"""

from __future__ import annotations

from typing import Any

from tfsparse.pruning.layer_tree import descendants


def adapt_like(layer: Any, copy: Any) -> None:
    """Builds a copy and changes what is inside it, if that is changed inside the layer.

    Args:
        layer: The layer.
        copy: A new one, made from its configuration.

    Raises:
        ValueError: If Keras cannot make the copy like the layer.
    """
    inner = descendants(layer)[1:]
    if not any(map(_is_adapted, inner)):
        return
    try:
        if not copy.built:
            copy.build_from_config(layer.get_build_config())
        for one, other in zip(inner, descendants(copy)[1:], strict=True):
            if one.built and not other.built:  # where it is built by being called
                other.build_from_config(one.get_build_config())
            _adapt(one, other)
    except Exception as error:
        names = [one.name for one in inner if _is_adapted(one)]
        raise ValueError(
            "`layer` should not hold layers that are quantized or adapted by LoRA, unless Keras "
            "can make it anew from its configuration: prune first, then strip and quantize. "
            f"Received: layer={layer.name!r} with {names} inside ({error})"
        ) from error


def _is_adapted(layer: Any) -> bool:
    return bool(_rank(layer) or _mode(layer))


def _adapt(layer: Any, copy: Any) -> None:
    if (rank := _rank(layer)) and not _rank(copy):
        copy.enable_lora(rank, lora_alpha=layer.lora_alpha)
    if (mode := _mode(layer)) and mode != _mode(copy):
        config = getattr(layer, "quantization_config", None)
        copy.quantize(mode, **({} if config is None else {"config": config}))


def _rank(layer: Any) -> Any:
    return getattr(layer, "lora_rank", None)


def _mode(layer: Any) -> Any:
    return getattr(layer, "quantization_mode", None)
