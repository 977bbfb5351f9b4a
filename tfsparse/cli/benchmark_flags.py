"""The flags of `tfsparse benchmark`, and what their lists of numbers mean."""

from __future__ import annotations

from absl import flags

from tfsparse.cli.command import CommandError
from tfsparse.cli.drawing_flags import define_drawing
from tfsparse.cli.exit_codes import USAGE


def define(values: flags.FlagValues) -> None:
    """Defines the flags."""

    def numbers(name: str, default: list[str], text: str) -> None:
        flags.DEFINE_list(name, default, text, flag_values=values)

    numbers("batch", ["1", "32"], "Batch sizes.")
    numbers("threads", ["1"], "Threads of an op.")
    flags.DEFINE_integer(
        "streams", 1, "Callers at the same time.", lower_bound=1, flag_values=values
    )
    numbers("percentiles", ["50", "90", "99"], "Percentiles of the latency, any numbers.")
    for name, default, text in (
        ("warm_up", 0.3, "Seconds that each model runs before it is timed."),
        ("seconds", 2.0, "Seconds that each model is timed, for each batch and threads."),
    ):
        flags.DEFINE_float(name, default, text, lower_bound=0, flag_values=values)
    flags.DEFINE_string("signature", None, "The signature to call.", flag_values=values)
    flags.DEFINE_string(
        "data",
        None,
        "An .npz file with an array for each input; random if none.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "limit_us",
        None,
        "Have calls arrive at random, and find the highest rate that is answered in this many us.",
        lower_bound=0,
        flag_values=values,
    )
    flags.DEFINE_float(
        "limit_percentile",
        99.0,
        "The percentile of the latencies that --limit_us is for.",
        lower_bound=0,
        upper_bound=100,
        flag_values=values,
    )
    flags.DEFINE_string(
        "plot", None, "Draw latency against throughput: .png, .svg or .pdf.", flag_values=values
    )
    flags.DEFINE_bool(
        "profile", False, "Print where the time goes, by type of op.", flag_values=values
    )
    flags.DEFINE_string(
        "compare",
        None,
        "A file that --json has printed before, to compare with.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "max_slowdown",
        None,
        "Ratio to --compare from which the exit code is 4, such as 1.1.",
        flag_values=values,
    )
    define_drawing(values)


def integers(values: flags.FlagValues, name: str) -> list[int]:
    """The positive integers of a flag."""
    texts = values[name].value
    if not texts or not all(text.strip().isdecimal() and int(text) > 0 for text in texts):
        raise CommandError(
            f"--{name} should be positive integers such as 1,32. Received: {','.join(texts)}",
            USAGE,
        )
    return [int(text) for text in texts]


def percentiles(values: flags.FlagValues) -> list[float]:
    """The percentiles to show."""
    try:
        found = [float(text) for text in values.percentiles]
        if found and all(0 <= each <= 100 for each in found):
            return found
    except ValueError:
        pass
    raise CommandError(
        "--percentiles should be numbers from 0 to 100, such as 50,99.9. Received: "
        f"{','.join(values.percentiles)}",
        USAGE,
    )
