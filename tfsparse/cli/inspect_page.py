"""`tfsparse inspect` as a web page: the answer, where the time goes, the layers, their masks."""

from __future__ import annotations

from collections.abc import Iterator

from tfsparse.cli import pages
from tfsparse.cli.layer_times import LayerTimes
from tfsparse.cli.verdict import verdict
from tfsparse.conversion.inspecting import InspectedLayer, Inspection

_HEADS = ("layer", "(out, in)", "zeros", "block", "MMAC", "stored", "speed-up", "why")


def inspection_page(path: str, found: Inspection, times: LayerTimes | None) -> str:
    """The page.

    Args:
        path: The model.
        found: What was found, with non-zeros.
        times: What was measured, or None.
    """
    return pages.page(f"tfsparse inspect {path}", _parts(found, times))


def _parts(found: Inspection, times: LayerTimes | None) -> Iterator[str]:
    yield pages.paragraph(verdict(found, times), "lead")
    yield pages.paragraph(
        f"In {found.precision}, for calls of {found.batch_size} examples on {found.target}."
    )
    if times is None:
        yield pages.heading("Where the time of products goes, as predicted")
        total = sum(each.dense_cost for each in found.layers) or 1.0
        rows = [
            (each.layer, 100 * each.dense_cost / total, 100 * each.cost_after / total)
            for each in found.layers
            if each.dense_cost
        ]
        yield pages.bars(sorted(rows, key=lambda row: -row[1]), "% of all", 1)
        yield pages.paragraph("--time measures it, and what is outside of products too.")
    else:
        yield pages.heading("Where the time goes, as measured")
        yield pages.bars(_measured(found, times), "ms")
    yield pages.heading("Products and convolutions")
    yield pages.table(
        _HEADS,
        [_row(each) for each in found.layers],
        left=["layer", "why"],
        styles=["" if each.converts else "stays" for each in found.layers],
    )
    pictured = [each for each in found.layers if each.nonzeros is not None]
    if pictured:
        yield pages.heading("Masks")
        yield pages.masks(
            (each.layer, _facts(each), each.nonzeros)
            for each in pictured
            if each.nonzeros is not None
        )


def _measured(found: Inspection, times: LayerTimes) -> list[tuple[str, float, float]]:
    """Layers and ops of no layer; those that would stay take as long as before."""
    rows = []
    for each in found.layers:
        ms = times.of(each) or 0.0
        gain = each.speedup if each.converts and each.speedup else 1.0
        rows.append((each.layer, ms, ms / gain))
    rows += [(f"{op} (no product)", ms, ms) for op, ms in times.others.items()]
    return sorted(rows, key=lambda row: -row[1])


def _row(layer: InspectedLayer) -> list[str]:
    def mega(macs: int | None) -> str:
        return "-" if macs is None else f"{macs / 1e6:,.2f}"

    gains = layer.speedup is not None and layer.converts
    return [
        layer.layer,
        str(layer.shape) if layer.shape else "-",
        "-" if layer.zeros is None else f"{layer.zeros:.1%}",
        layer.block if layer.block and layer.converts else "-",
        mega(layer.dense_macs),
        mega(layer.stored_macs),
        f"{layer.speedup:.1f}x" if gains else "-",
        layer.reason,
    ]


def _facts(layer: InspectedLayer) -> str:
    out, inputs = layer.shape or (0, 0)
    block = f"{layer.block} · " if layer.block and layer.converts else ""
    return f"{block}{out} by {inputs} · {layer.zeros or 0:.1%} zero"
