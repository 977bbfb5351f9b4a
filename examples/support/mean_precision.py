"""Mean average precision of a detector, as COCO counts it.

`ap` is the mean over classes and over ten thresholds of the overlap, 0.50 to 0.95, from which on a
box counts as found; `ap50` that at 0.50 alone. pycocotools does the counting.

Reference:

- Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from support.scores import Scores

Found = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Of one image: boxes by their corners (n, 4), scores (n,), classes from 1 on (n,)."""


def mean_precision(
    found: Sequence[Found],
    boxes: Sequence[np.ndarray],
    classes: Sequence[np.ndarray],
    names: Sequence[str],
) -> Scores:
    """Scores of what was found in some images.

    Args:
        found: For each image.
        boxes: Labelled boxes of each image, by their corners.
        classes: Their classes, counted from 1.
        names: Of all classes, in their order.

    Returns:
        ``"ap"`` and ``"ap50"``, and each class's AP by its name.
    """
    # Only here, so that everything but scores does without it.
    from pycocotools.cocoeval import COCOeval

    labelled = _labelled(boxes, classes, names)
    rows = [
        np.column_stack([np.full(len(scores), image), _corner_and_size(corners), scores, kinds])
        for image, (corners, scores, kinds) in enumerate(found)
    ]
    results = np.concatenate(rows)
    if not len(results):
        return dict.fromkeys(("ap", "ap50", *names), 0.0)
    with contextlib.redirect_stdout(io.StringIO()):  # it tells of every step
        evaluation = COCOeval(labelled, labelled.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    # Thresholds, recalls, classes, areas (the first is any), numbers of boxes (the last is 100).
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    by_class = {name: _mean(precision[..., i]) for i, name in enumerate(names)}
    return {"ap": _mean(precision), "ap50": _mean(precision[0]), **by_class}


def _mean(precision: np.ndarray) -> float:
    # Classes that no image has are marked with -1.
    known = precision[precision > -1]
    return float(known.mean()) if known.size else 0.0


def _labelled(
    boxes: Sequence[np.ndarray], classes: Sequence[np.ndarray], names: Sequence[str]
) -> Any:
    from pycocotools.coco import COCO

    labels = [
        (image, corners, int(kind))
        for image, (some, kinds) in enumerate(zip(boxes, classes, strict=True))
        for corners, kind in zip(_corner_and_size(some), kinds, strict=True)
    ]
    coco = COCO()
    coco.dataset = {
        "info": {},
        "images": [{"id": image} for image in range(len(boxes))],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names, start=1)],
        "annotations": [
            {
                "id": number,  # 0 would count as nothing
                "image_id": image,
                "category_id": kind,
                "bbox": corners.tolist(),
                "area": float(corners[2] * corners[3]),
                "iscrowd": 0,
            }
            for number, (image, corners, kind) in enumerate(labels, start=1)
        ],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco


def _corner_and_size(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
