"""The flags that say how random inputs are drawn; apart from `inputs`, which needs NumPy."""

from __future__ import annotations

from absl import flags


def define_drawing(values: flags.FlagValues) -> None:
    """Defines the flags that say how inputs are drawn."""
    flags.DEFINE_integer(
        "length", 128, "Size of open axes other than the first.", lower_bound=1, flag_values=values
    )
    flags.DEFINE_integer(
        "below",
        100,
        "Random integers, such as those of words, are below this.",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_integer("seed", 0, "Seed of random inputs.", flag_values=values)
