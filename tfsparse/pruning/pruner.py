"""Wraps the layers of one call of `prune_block`: walks, asks the rules, reports."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tfsparse.pruning.binding import binding_of, children, pruned_layers
from tfsparse.pruning.cloning import clone_with
from tfsparse.pruning.copying import Copies
from tfsparse.pruning.graph import is_graph
from tfsparse.pruning.inplace import exchange_layers
from tfsparse.pruning.layer_rules import Changes, LayerRules, Rule
from tfsparse.pruning.mask_update import advance
from tfsparse.pruning.prunable import (
    has_matrix,
    is_kernel_owner,
    is_own,
    is_ready,
    is_registered,
    kernel_names,
    layers_inside,
    may_make_layers,
    refusal,
    skipped,
)
from tfsparse.pruning.settings import Settings
from tfsparse.pruning.wrapper import PruneBlockMixin


class Pruner:
    """Wraps layers by one set of rules.

    Args:
        settings: How kernels are pruned.
        exclude: As in `prune_block`.
        overrides: As in `prune_block`.
        strict: As in `prune_block`.
        at_once: Whether to prune immediately where the schedule says so.
    """

    def __init__(
        self,
        settings: Settings,
        exclude: Rule | Collection[Rule],
        overrides: Mapping[Any, Changes] | None,
        strict: bool,
        at_once: bool = True,
    ) -> None:
        self._begin = begin if at_once else build
        self._rules = LayerRules(settings, exclude, overrides)
        self._strict = strict
        # A clone may take several attempts, each of which asks for every layer again.
        self._paths: dict[str, None] = {}
        self._skipped: dict[str, str] = {}
        self._wrapped: dict[str, None] = {}  # by an earlier call
        self._pruned: set[str] = set()
        self._made: dict[int, PruneBlockMixin] = {}

    def prune_layer(self, layer: Any) -> Any:
        """A layer in a wrapper."""
        if (reason := refusal(layer)) is not None or any(pruned_layers(layer)):
            raise ValueError(
                f"`layer` should be a layer that can be pruned. Received: layer={layer.name!r} "
                f"of type {type(layer).__name__} ({reason or 'layers inside it are wrapped'})"
            )
        return self.prune_list([layer])[0]

    def prune_list(self, layers: list[Any]) -> list[Any]:
        """Layers in wrappers, but for those that cannot be pruned."""
        wrapped = [self._replacement(one, one.name) or one for one in layers]
        self._check()
        return self._begin(wrapped)

    def prune_model(self, model: Any) -> Any:
        """A clone of a model with its layers in wrappers."""
        self._enter_models(model, "")
        pruned = clone_with(model, self._replacement)
        self._check()
        return self._begin([pruned])[0]

    def prune_inplace(self, model: Any) -> Any:
        """The same model with the layers inside it exchanged for wrappers."""
        if is_graph(model) or isinstance(model, PruneBlockMixin) or is_kernel_owner(model):
            raise ValueError(
                "`inplace` should be set only for a model or layer written as a class, with layers "
                f"in its attributes. Received: layer={model.name!r} of type {type(model).__name__}"
            )
        try:
            exchange_layers(model, self._exchange)
            self._check()
            return self._begin([model])[0]
        except Exception:
            self.release(model)
            raise

    def made(self, layer: Any) -> list[PruneBlockMixin]:
        """The wrappers in a layer or model that were made here."""
        return [wrapper for wrapper in pruned_layers(layer) if id(wrapper) in self._made]

    def release(self, model: Any) -> None:
        """Undoes `prune_inplace`; kernels stay as they are now."""
        exchange_layers(model, self._give_back)

    def _give_back(self, layer: Any, path: str) -> Any | None:
        """What was in the place of a layer before `_exchange`, None to look into it."""
        if isinstance(layer, PruneBlockMixin):
            return layer.release() if id(layer) in self._made else layer
        return None

    def _enter_models(self, model: Any, prefix: str) -> None:
        """Asks the rules for the nested models, whose layers inherit what they say."""
        for child in children(model):
            if is_graph(child):
                path = f"{prefix}{child.name}"
                self._paths[path] = None
                self._rules.settings(child, path)
                self._enter_models(child, f"{path}/")

    def _exchange(self, layer: Any, path: str) -> Any | None:
        """What to put in the place of a layer, None to look into it."""
        # A layer of a user's own may be used in other ways than by calling it.
        looked_into = (
            is_own(layer) and children(layer) and not is_graph(layer) and not is_registered(layer)
        )
        if isinstance(layer, PruneBlockMixin) or not looked_into:
            return self._replacement(layer, path) or layer
        self._paths[path] = None
        return layer if self._rules.settings(layer, path) is None else None

    def _replacement(
        self, layer: Any, path: str, copies: Copies | None = None
    ) -> PruneBlockMixin | None:
        """A wrapper for a layer of a model or list, or None to leave it as it is.

        With `copies` it is around a copy.
        """
        if isinstance(layer, PruneBlockMixin) or any(pruned_layers(layer)):
            self._wrapped[path] = None
            return None
        self._paths[path] = None
        self._pruned.discard(path)
        settings = self._rules.settings(layer, path)
        if settings is None:
            return None
        reason = refusal(layer) or (copies.refusal(layer) if copies is not None else None)
        if reason is not None:
            if has_matrix(layer):
                self._skipped[path] = reason
            return None
        self._pruned.add(path)
        overrides = {} if is_kernel_owner(layer) else self._enter(layer, path)
        wrapper_class = binding_of(layer).wrapper_class
        # A copy may have another name: models of tf_keras do not save theirs.
        wrapper: PruneBlockMixin = wrapper_class(
            layer if copies is None else copies.clone(layer),
            **settings.arguments(),
            overrides=overrides,
            name=layer.name,
        )
        self._made[id(wrapper)] = wrapper
        return wrapper

    def _enter(self, layer: Any, path: str) -> dict[str, Any]:
        """The rules for what is inside a layer that is wrapped as one."""
        inner = list(_parts_inside(layer))
        self._paths |= dict.fromkeys(f"{path}/{inner_path}" for inner_path, _ in inner)
        self._skipped |= {f"{path}/{inner_path}": why for inner_path, why in skipped(layer)}
        complete = not any(
            may_make_layers(one) for _, one in [("", layer), *inner] if one is not None
        )
        return self._rules.take_inside(inner, layer, path, complete)

    def _check(self) -> None:
        """Complains about rules that match nothing and layers that should not be skipped."""
        self._rules.check_used(self._paths)
        reasons = "; ".join(f"{path}: {reason}" for path, reason in self._skipped.items())
        if self._strict and self._skipped:
            raise ValueError(
                "`layer` should hold only layers that can be pruned when `strict`. "
                f"Received: {reasons}"
            )
        if self._wrapped and not self._pruned:
            raise ValueError(
                "`layer` should hold a layer that can be pruned and is not wrapped already; "
                "`tfsparse.strip_pruning` takes wrappers off, and the zeros stay. "
                f"Received: {list(self._wrapped)}, which are wrapped"
            )
        if not self._pruned:
            raise ValueError(
                "`layer` should hold at least one layer that can be pruned. "
                f"Received: {reasons or 'no layer with a kernel that is not excluded'}"
            )


def _parts_inside(layer: Any) -> Iterator[tuple[str, Any]]:
    """The layers inside a layer with their paths, and without a layer the kernels of a user's."""
    yield from ((name, None) for name in kernel_names(layer))
    for path, inner in layers_inside(layer):
        yield path, inner
        yield from ((f"{path}/{name}", None) for name in kernel_names(inner))


def build(layers: list[Any]) -> list[Any]:
    """Builds masks where there are weights."""
    for layer in layers:
        for wrapper in pruned_layers(layer):
            if is_ready(wrapper.layer) and not wrapper.built:
                wrapper.build(None)
    return layers


def begin(layers: list[Any]) -> list[Any]:
    """Builds masks where there are weights, and prunes where the schedule says at once."""
    wrappers = [wrapper for layer in build(layers) for wrapper in pruned_layers(layer)]
    states = [wrapper.pruning for wrapper in wrappers if wrapper.pruning is not None]
    immediate = [state for state in states if state.is_immediate]
    for state in immediate:
        state.start(0, None)
    advance(immediate, 0)
    return layers
