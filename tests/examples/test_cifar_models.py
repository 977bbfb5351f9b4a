import numpy as np
import pytest
from support import cifar_models

import tfsparse


def test_the_shortcut_takes_every_second_pixel_and_centres_the_channels():
    images = np.random.default_rng(0).normal(size=(1, 4, 4, 2)).astype(np.float32)
    found = np.asarray(cifar_models.OptionA()(images))
    assert found.shape == (1, 2, 2, 4)
    np.testing.assert_array_equal(found[..., 1:3], images[:, ::2, ::2])
    assert not found[..., [0, 3]].any()


@pytest.mark.parametrize(
    ("model", "kernels"),
    [
        (lambda: cifar_models.resnet(20), 18),
        pytest.param(lambda: cifar_models.resnet(56), 54, marks=pytest.mark.long),
        pytest.param(lambda: cifar_models.resnext(29), 27, marks=pytest.mark.long),
    ],
    ids=["resnet20", "resnet56", "resnext29"],
)
def test_all_convolutions_between_the_first_and_the_last_layer_are_pruned(model, kernels):
    model = model()
    pruned = tfsparse.prune_block(model, "2x1", 0.75, exclude=["conv1", "linear"])
    assert len(tfsparse.sparsity_report(pruned).kernels) == kernels


def test_weights_and_strides_are_what_they_are_in_pytorch(tmp_path):
    """A kernel of its centre alone, stride 2 and one pixel of padding: every second pixel."""
    model = cifar_models.resnet(20)
    names = {layer.name: layer for layer in model.layers}
    values = {}
    for name, layer in names.items():
        if layer.weights:
            parts = (
                ("weight", "bias", "running_mean", "running_var")
                if ".bn" in name or name == "bn1"
                else ("weight", "bias")
            )
            for part, weight in zip(parts, layer.get_weights(), strict=False):
                axes = {4: (3, 2, 0, 1), 2: (1, 0)}.get(weight.ndim)
                values[f"{name}.{part}"] = np.zeros_like(weight.transpose(axes) if axes else weight)
    values["layer2.0.conv1.weight"][0, 0, 1, 1] = 1.0
    values["layer3.0.conv1.weight"][7, 5, 2, 1] = 3.0
    np.savez(tmp_path / "weights.npz", **values)
    cifar_models.set_weights(model, tmp_path / "weights.npz")
    assert names["layer3.0.conv1"].get_weights()[0][2, 1, 5, 7] == 3.0
    convolution = names["layer2.0.conv1"]
    image = np.random.default_rng(0).normal(size=(1, 8, 8, 16)).astype(np.float32)
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)))
    found = np.asarray(convolution(padded))[0, ..., 0]
    assert found == pytest.approx(image[0, ::2, ::2, 0], abs=1e-6)


def test_a_resnext_has_groups_and_doubles_its_channels():
    model = cifar_models.resnext(20, groups=4, group_width=2)
    middle = [layer for layer in model.layers if layer.name.endswith(".conv2")]
    assert [layer.groups for layer in middle] == [4] * 6
    assert [layer.kernel.shape[-2:] for layer in middle[::2]] == [(2, 8), (4, 16), (8, 32)]
    assert model.output_shape == (None, 10)
