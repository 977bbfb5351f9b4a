"""The style sheet of a report's HTML.

Selectors begin with the report's class, because a notebook has tables and
figures of its own.
"""

from __future__ import annotations

from tfsparse.pruning.report.mask_picture import COLOUR

_RGB = ",".join(map(str, COLOUR))
# Opacity is the square root of the share, as in the pictures.
_RAMP = ",".join(f"rgba({_RGB},{(step / 8) ** 0.5:.3f}) {step / 8:.1%}" for step in range(9))

FRAGMENT_STYLE = f"""
.tfsparse-report {{ font: 14px/1.45 system-ui, sans-serif; }}
.tfsparse-report h1 {{ font-size: 1.5em; margin: 0 0 .5em; }}
.tfsparse-report .totals {{ display: flex; flex-wrap: wrap; gap: .4em 2.2em; list-style: none;
  margin: 0 0 1.2em; padding: 0; }}
.tfsparse-report .totals b {{ font-size: 1.25em; }}
.tfsparse-report table {{ border-collapse: collapse; font-size: 13px;
  font-variant-numeric: tabular-nums; margin: 0 0 1em; }}
.tfsparse-report th, .tfsparse-report td {{ background: none; border: 0;
  border-bottom: 1px solid rgba(128,128,128,.25); padding: .28em .6em; text-align: left;
  white-space: nowrap; }}
.tfsparse-report th {{ font-weight: 600; }}
.tfsparse-report .number {{ text-align: right; }}
.tfsparse-report .reason {{ white-space: normal; }}
.tfsparse-report a {{ color: inherit; text-decoration-color: rgba({_RGB},.7); }}
.tfsparse-report .bar {{ display: block; width: 100%; min-width: 110px; height: 12px; }}
.tfsparse-report .track {{ fill: rgba(128,128,128,.2); }}
.tfsparse-report .zeros {{ fill: rgba({_RGB},.4); }}
.tfsparse-report .blocks {{ fill: rgb({_RGB}); }}
.tfsparse-report .target {{ stroke: currentColor; stroke-width: 2px;
  vector-effect: non-scaling-stroke; }}
.tfsparse-report .key {{ display: inline-block; width: 1em; height: .75em; margin: 0 .3em 0 .8em; }}
.tfsparse-report .key.blocks {{ background: rgb({_RGB}); margin-left: 0; }}
.tfsparse-report .key.zeros {{ background: rgba({_RGB},.4); }}
.tfsparse-report .key.target {{ width: 2px; background: currentColor; }}
.tfsparse-report summary {{ cursor: pointer; font-weight: 600; margin: .4em 0; }}
.tfsparse-report .ramp {{ display: inline-block; width: 6em; height: .75em;
  border: 1px solid rgba(128,128,128,.5); background: linear-gradient(90deg,{_RAMP}); }}
.tfsparse-report .masks {{ display: grid; gap: 1.2em 1.4em;
  grid-template-columns: repeat(auto-fill, minmax(304px, 1fr)); margin: 1em 0; }}
.tfsparse-report figure {{ margin: 0; min-width: 0; scroll-margin-top: 3em; }}
.tfsparse-report figure:target {{ outline: 2px solid rgb({_RGB}); outline-offset: .4em; }}
.tfsparse-report .pictures {{ align-items: flex-start; display: flex; flex-wrap: wrap; gap: 10px; }}
.tfsparse-report img {{ box-sizing: content-box; border: 1px solid rgba(128,128,128,.5);
  image-rendering: pixelated; margin: 0; max-width: none; }}
.tfsparse-report figcaption {{ font-size: 12px; margin-bottom: .3em; }}
.tfsparse-report figcaption b {{ display: inline-block; max-width: 100%; overflow: hidden;
  text-overflow: ellipsis; vertical-align: bottom; white-space: nowrap; }}
"""

PAGE_STYLE = """
:root { color-scheme: light dark; }
body { background: Canvas; color: CanvasText; margin: 2em auto; max-width: 1280px;
  padding: 0 1.5em; }
.tfsparse-report > table { width: 100%; }
.tfsparse-report > table th { background: Canvas; position: sticky; top: 0; }
"""
