import keras
import numpy as np
import pytest
import ssd_bccd
from support import bccd, serving, ssd, ssd_serving

import tfsparse


@pytest.fixture
def short(monkeypatch):
    """A network of fewer blocks, which takes less time to build."""
    monkeypatch.setattr(ssd, "STAGES", ((64, 1, 1), (128, 1, 2)))
    monkeypatch.setattr(ssd, "EXTRAS", ((256, 512),))


@pytest.mark.long
def test_all_convolutions_between_the_first_and_the_heads_are_pruned():
    model = ssd.ssd(64, 64, classes=3, share=0.125)
    pruned = tfsparse.prune_block(model, "2x1", 0.75, exclude=list(ssd_bccd.EXCLUDED))
    # Two in each of 13 blocks, two shortcuts, and two in each of three extras.
    assert len(tfsparse.sparsity_report(pruned).kernels) == 2 * 13 + 2 + 2 * 3


@pytest.mark.long
def test_the_exported_model_is_scored_and_timed(short, tmp_path, monkeypatch):
    monkeypatch.setattr(serving, "BATCHES", (1,))
    keras.utils.set_random_seed(0)
    # Narrower convolutions, or fewer zeros, are predicted to be no faster.
    model = ssd.ssd(64, 64, classes=3, share=0.25)
    options = {"exclude": list(ssd_bccd.EXCLUDED)}
    once = tfsparse.prune_block(model, "2x1", tfsparse.OneShot(0.75), **options)
    pruned = tfsparse.strip_pruning(once)
    images = np.random.default_rng(0).uniform(-1, 1, (9, 64, 64, 3)).astype(np.float32)
    expected = pruned.predict(images, verbose=0)

    def score(outputs):
        return {"ap": float(np.abs(outputs - expected).max() / np.abs(expected).max())}

    found = ssd_serving.served(model, pruned, images, images, score, tmp_path, seconds=0.01)
    assert found["float32"]["ap"] < 1e-4 < found["ap"] < 0.2
    assert found["precision"] == "int8" and found["converted"][0] != "0"
    assert found["timings"][0]["batch"] == 1
    assert serving.timings(tmp_path, "int8", seconds=0.01)


@pytest.mark.long
@pytest.mark.parametrize("words", ["--pattern dense", "--pattern 2x1 --distill 0"])
def test_the_whole_job_on_a_few_images(words, short, tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (24, 64, 64, 3), dtype=np.uint8)
    # One for each feature map, so that gradients reach every layer before it is pruned.
    boxes = [np.array([[10, 10, 30, 30], [16, 16, 52, 52]], np.float32)] * 24
    data = bccd.Labelled(images, boxes, [np.array([1, 2])] * 24)
    monkeypatch.setattr(bccd, "load", lambda root: dict.fromkeys(bccd.PARTS, data))
    monkeypatch.setattr(ssd_bccd, "CACHE", tmp_path)
    command = f"{words} --width 0.125 --epochs 5 --dense-epochs 0".split()
    result = ssd_bccd.run(ssd_bccd.parser().parse_args(command))
    assert result["dense"].keys() == result["result"].keys() >= {"ap", "ap50", "WBC"}
    assert result["pattern"] == words.split()[1] and "data" not in result
    assert result["distill"] == (0.0 if "distill" in words else 1.0)
    assert (tmp_path / "ssd-bccd-0.125-0.weights.h5").is_file()


def test_options_are_read():
    found = ssd_bccd.parser().parse_args(["--serve", "--distill", "0.5", "--held-out"])
    assert (found.serve, found.distill, found.held_out) == ("int8", 0.5, True)
    assert (found.criterion, found.scope) == ("gradient_momentum", "global")
