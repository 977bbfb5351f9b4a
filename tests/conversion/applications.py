"""The families of `keras.applications`, each by its smallest member, for both versions of Keras."""

import dataclasses

import keras
import numpy as np
import tf_keras

import tfsparse
from benchmarks.models.settling import settle_norms

KERAS = {"keras3": keras, "tf_keras": tf_keras}
PATTERN = "4x1"


@dataclasses.dataclass(frozen=True)
class Family:
    """A family.

    Attributes:
        member: Name of its smallest member.
        size: Height and width of its images, as small as it takes.
        options: More for the member, which make it smaller.
    """

    member: str
    size: int = 64
    options: tuple = ()


FAMILIES = {
    "convnext": Family("ConvNeXtTiny"),
    "densenet": Family("DenseNet121"),
    "efficientnet": Family("EfficientNetB0"),
    "efficientnet_v2": Family("EfficientNetV2B0"),
    "inception_resnet_v2": Family("InceptionResNetV2", 75),
    "inception_v3": Family("InceptionV3", 75),
    "mobilenet": Family("MobileNet", 64, (("alpha", 0.5),)),
    "mobilenet_v2": Family("MobileNetV2", 64, (("alpha", 0.5),)),
    "mobilenet_v3": Family("MobileNetV3Small"),
    "nasnet": Family("NASNetMobile"),
    "regnet_x": Family("RegNetX002"),
    "regnet_y": Family("RegNetY002"),
    "resnet": Family("ResNet50"),
    "resnet_rs": Family("ResNetRS50"),
    "resnet_v2": Family("ResNet50V2"),
    "vgg": Family("VGG16", 32, (("include_top", False), ("pooling", "avg"))),
    "xception": Family("Xception", 71),
}
"""`keras.applications` of either version."""


def exists(k, name):
    return hasattr(KERAS[k].applications, FAMILIES[name].member)


def images(name, rows):
    size = FAMILIES[name].size
    coarse = np.random.default_rng(7).uniform(0, 255, (rows, size // 4 + 1, size // 4 + 1, 3))
    return coarse.repeat(4, 1).repeat(4, 2)[:, :size, :size].astype(np.float32)


def label_of(variable):
    return getattr(variable, "path", variable.name).split("/")[-1].split(":")[0]


def pruned(k, name, sparsity=0.7):
    """The member with random weights, pruned once.

    Its norms have the statistics of some images, and scales and shifts that are not the first ones.
    Channels that hardly vary are not scaled up to where rounding errors are seen.
    """
    family = FAMILIES[name]
    keras_version = KERAS[k]
    keras_version.utils.set_random_seed(3)
    options = {"classes": 10, "classifier_activation": None, **dict(family.options)}
    shape = (family.size, family.size, 3)
    make = getattr(keras_version.applications, family.member)
    model = make(weights=None, input_shape=shape, **options)
    rng = np.random.default_rng(5)
    for variable in model.weights:
        label = label_of(variable)
        if label == "gamma":
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif label == "beta":
            # Mostly above 0: ReLUs between norms amplify errors from layer to layer otherwise.
            variable.assign(rng.uniform(1.0, 2.0, variable.shape))
        elif label == "bias":
            variable.assign(0.2 * rng.normal(size=variable.shape))
    wrapped = tfsparse.prune_block(model, PATTERN, tfsparse.OneShot(sparsity))
    model = tfsparse.strip_pruning(wrapped)
    settle_norms(model, {"image": images(name, 8)})
    for variable in model.weights:
        if label_of(variable) == "moving_variance":
            variance = np.asarray(variable)
            variable.assign(np.maximum(variance, variance.mean() / 4))
    return model
