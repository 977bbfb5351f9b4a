"""Which settings a layer gets: `exclude` and `overrides` of `prune_block`.

A rule names layers: by name or path, where ``*`` stands for anything and nothing else
is special, by class, or by a function of the layer. The path of a layer is the names from the model
down to it, ``"encoder/attention/query"``; a name alone matches at any depth.

A rule for a layer holds for everything inside it, but what rules say of
something inside comes after that. Of the rules for one layer, a later one wins.

A name that matches nothing is most likely misspelt, so it is an error. A class or
a function cannot be misspelt, and one set of them may serve many models: that it
matches nothing is fine, as long as every layer was there to be compared with it.

A wrapper around a layer made of layers takes the rules for what is inside it
along, as names, so that they are saved with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from tfsparse.pattern import parse_pattern
from tfsparse.pruning.criterion import get_criterion
from tfsparse.pruning.group_lasso import as_group_lasso
from tfsparse.pruning.schedule_adapter import as_schedule
from tfsparse.pruning.schedules import serialize_schedule
from tfsparse.pruning.scope import as_scope
from tfsparse.pruning.settings import Settings

Rule = str | type | Callable[[Any], bool]
Changes = Mapping[str, Any] | None  # None leaves a layer as it is

# How the value of each argument that may be overridden is saved.
_SAVED: dict[str, Callable[[Any], Any]] = {
    "pattern": lambda value: str(parse_pattern(value)),
    "schedule": lambda value: (
        value
        if value is None or isinstance(value, dict)
        else serialize_schedule(as_schedule(value))
    ),
    "group_lasso": lambda value: as_group_lasso(value).get_config(),
    "criterion": lambda value: get_criterion(value).name,
    "scope": lambda value: as_scope(value).get_config(),
    "regrow": bool,
}


class LayerRules:
    """Rules in the order in which they are tried, and where they have matched.

    Layers have to be asked for from the outside in.

    Args:
        base: Settings of a layer that no rule is for.
        exclude: Layers to leave as they are.
        overrides: Layers with settings of their own: arguments of `prune_block`
            that differ from what the others get, or None to leave them as they
            are.

    Raises:
        ValueError: If a rule is none, or names an argument that there is not.
    """

    def __init__(
        self,
        base: Settings,
        exclude: Rule | Collection[Rule] = (),
        overrides: Mapping[Any, Changes] | None = None,
    ) -> None:
        if isinstance(exclude, str) or not isinstance(exclude, Collection):
            exclude = [exclude]
        if not isinstance(overrides, Mapping | None):
            raise ValueError(
                "`overrides` should map names, classes or functions of layers to arguments. "
                f"Received: overrides={overrides!r}"
            )
        self._rules: list[tuple[Rule, Changes]] = [(rule, None) for rule in exclude]
        self._rules += list((overrides or {}).items())
        for rule, changes in self._rules:
            _check_rule(rule, changes)
        # Path of a layer: its settings, and the rules that it or one around it has matched.
        self._known: dict[str, tuple[Settings | None, frozenset[int]]] = {}
        self._base: tuple[Settings | None, frozenset[int]] = (base, frozenset())
        self._used: set[int] = set()
        self._incomplete: list[str] = []  # layers that may make more layers inside

    def settings(self, layer: Any, path: str) -> Settings | None:
        """The settings of a layer, None to leave it as it is.

        Args:
            layer: The layer; None if rules are names only.
            path: Its path.
        """
        outer, above = self._known.get(path.rpartition("/")[0], self._base)
        matching = [
            number
            for number, (rule, _) in enumerate(self._rules)
            if number not in above and _matches(rule, layer, path)
        ]
        self._used.update(matching)
        settings = None if outer is None else self._changed(outer, matching)
        self._known[path] = (settings, above.union(matching))
        return settings

    def settings_inside(self, name: str, path: str) -> Settings | None:
        """The settings of a layer inside a layer, where rules are names only.

        Args:
            name: Name of the layer around it.
            path: Its path within that layer.
        """
        ends = [index for index, letter in enumerate(path) if letter == "/"]
        for end in ends:
            self.settings(None, f"{name}/{path[:end]}")
        return self.settings(None, f"{name}/{path}")

    def take_inside(
        self, inner: Iterable[tuple[str, Any]], layer: Any, path: str, complete: bool
    ) -> dict[str, dict[str, Any] | None]:
        """The rules for the layers inside a layer, as plain JSON data.

        Args:
            inner: Paths of the layers inside it, and those layers.
            layer: The layer.
            path: Its path.
            complete: Whether these are all; if not, every rule that is a name
                is taken along.
        """
        if not complete:
            self._incomplete.append(path)
        names: dict[int, list[str]] = {number: [] for number in range(len(self._rules))}
        for inner_path, one in inner:
            full = f"{path}/{inner_path}"
            self.settings(one, full)
            above = self._known.get(full.rpartition("/")[0], self._base)[1]
            for number in self._known[full][1] - above:
                names[number].append(f"{layer.name}/{inner_path}")
        saved: dict[str, dict[str, Any] | None] = {}
        for number, (rule, changes) in enumerate(self._rules):
            for key in self._keys(rule, names[number], complete):
                if not complete:
                    self._used.add(number)
                saved.pop(key, None)  # what comes later is tried later
                saved[key] = save_changes(changes)
        return saved

    def check_used(self, paths: Iterable[str]) -> None:
        """Complains about rules that should have matched a layer and did not.

        Raises:
            ValueError: If there are any.
        """
        unused = [rule for number, (rule, _) in enumerate(self._rules) if number not in self._used]
        if names := [rule for rule in unused if isinstance(rule, str)]:
            raise ValueError(
                "`exclude` and `overrides` should name layers of the model. "
                f"Received: {names}, where the layers are {list(paths)}"
            )
        if unused and self._incomplete:
            raise ValueError(
                "`layer` should be built where a class or a function in `exclude` or `overrides` "
                "matches no layer yet: call it on inputs first. "
                f"Received: {unused}, where what is inside {self._incomplete} is not known"
            )

    def _changed(self, outer: Settings, matching: list[int]) -> Settings | None:
        """The settings of the layer around one, as the rules for the one change them."""
        settings: Settings | None = outer
        for number in matching:
            changes = self._rules[number][1]
            settings = None if changes is None else (settings or outer).changed(**changes)
        return settings

    def _keys(self, rule: Rule, names: list[str], complete: bool) -> list[str]:
        """Names by which a wrapper knows the layers that a rule matched inside it."""
        # A path may begin outside of the wrapper, which knows nothing of that.
        if isinstance(rule, str) and all(_matches(rule, None, name) for name in names):
            return [rule] if names or not complete else []
        return names


def save_changes(changes: Changes) -> dict[str, Any] | None:
    """Changes to settings as plain JSON data."""
    if changes is None:
        return None
    return {name: _SAVED[name](value) for name, value in changes.items()}


def _matches(rule: Rule, layer: Any, path: str) -> bool:
    if isinstance(rule, str):
        starts = [0, *(index + 1 for index, letter in enumerate(path) if letter == "/")]
        named = re.compile(".*".join(map(re.escape, rule.split("*"))), re.DOTALL)
        return any(named.fullmatch(path, start) for start in starts)
    if isinstance(rule, type):
        return isinstance(layer, rule)
    return layer is not None and bool(rule(layer))


def _check_rule(rule: Any, changes: Any) -> None:
    if not (isinstance(rule, str) or callable(rule)):
        raise ValueError(
            "`exclude` and `overrides` should name layers by a name (with '*' for anything), a "
            f"class or a function of the layer. Received: {rule!r}"
        )
    if changes is None:
        return
    if not isinstance(changes, Mapping) or set(changes) - set(_SAVED):
        raise ValueError(
            f"`overrides` should give arguments among {sorted(_SAVED)} for each layer, or None to "
            f"leave it as it is. Received: {rule!r}: {changes!r}"
        )
