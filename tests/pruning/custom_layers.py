"""Layers and models as users write them, for either version of Keras."""

import functools
import types

import tensorflow as tf

import tfsparse


@functools.cache
def custom_layers(keras):
    """The classes below, made from one version of Keras and registered with it."""
    layers = keras.layers
    register = keras.saving.register_keras_serializable(package="tests")

    def of_units(base):
        """A base class with one argument, `units`, in its configuration."""

        class OfUnits(base):
            def __init__(self, units=8, **kwargs):
                super().__init__(**kwargs)
                self.units = units
                self.make()

            def get_config(self):
                return {**super().get_config(), "units": self.units}

        return OfUnits

    layer_of_units, model_of_units = of_units(layers.Layer), of_units(keras.Model)

    @register
    class BuildsInside(layer_of_units):
        """Builds what is inside it in its own `build`."""

        def make(self):
            self.expand = layers.Dense(2 * self.units, "relu", name="expand")
            self.project = layers.Dense(self.units, name="project")
            self.norm = layers.LayerNormalization(name="norm")

        def build(self, input_shape):
            self.expand.build(input_shape)
            self.project.build((*input_shape[:-1], 2 * self.units))
            self.norm.build((*input_shape[:-1], self.units))
            super().build(input_shape)

        def call(self, inputs):
            return self.norm(self.project(self.expand(inputs)))

    @register
    class BuiltByCalling(layer_of_units):
        """Has no `build`: what is inside it is built when it is called."""

        def make(self):
            self.first = layers.Dense(self.units, "relu", name="first")
            self.dropout = layers.Dropout(0.1, name="dropout")
            self.second = layers.Dense(self.units, name="second")

        def call(self, inputs, training=False):
            return self.second(self.dropout(self.first(inputs), training=training))

    @register
    class InContainers(layer_of_units):
        """Holds its layers in a list and in a dictionary."""

        def make(self):
            self.steps = [layers.Dense(self.units, name=f"step_{i}") for i in range(2)]
            self.heads = {name: layers.Dense(4, name=name) for name in ("left", "right")}

        def call(self, inputs):
            for step in self.steps:
                inputs = step(inputs)
            return [self.heads["left"](inputs), self.heads["right"](inputs)]

    @register
    class Encoder(layer_of_units):
        """Attention and a block of its own; takes the mask of its inputs."""

        def make(self):
            self.supports_masking = True
            self.attention = layers.MultiHeadAttention(2, 4, name="attention")
            self.feed_forward = BuiltByCalling(self.units, name="feed_forward")

        def call(self, inputs, mask=None):
            attention_mask = None if mask is None else mask[:, None, :]
            attended = self.attention(inputs, inputs, attention_mask=attention_mask)
            return self.feed_forward(attended)

    @register
    class Decoder(layer_of_units):
        """Two inputs, the second by name, and a branch that is not always taken."""

        def make(self):
            self.own = layers.Dense(self.units, name="own")
            self.other = layers.Dense(self.units, name="other")
            self.unused = layers.Dense(self.units, name="unused")

        def call(self, inputs, context=None, again=False):
            mixed = self.own(inputs) + self.other(context)
            return self.unused(mixed) if again else mixed

    @register
    class MakesLayersInBuild(layer_of_units):
        """Creates what is inside it only when it is built."""

        def make(self):
            self.inner = None

        def build(self, input_shape):
            self.inner = layers.Dense(self.units, name="inner")
            self.inner.build(input_shape)
            super().build(input_shape)

        def call(self, inputs):
            return self.inner(inputs)

    @register
    class Network(model_of_units):
        """A model of a class of its own."""

        def make(self):
            self.hidden = layers.Dense(16, "relu", name="hidden")
            self.block = BuiltByCalling(self.units, name="block")

        def call(self, inputs):
            return self.block(self.hidden(inputs))

    @register
    @tfsparse.register_prunable({"kernel": "io"})
    class Multiplies(layer_of_units):
        """Owns a kernel itself."""

        def make(self):
            self.kernel = None

        def build(self, input_shape):
            self.kernel = self.add_weight(
                name="kernel", shape=(input_shape[-1], self.units), initializer="glorot_uniform"
            )
            super().build(input_shape)

        def call(self, inputs):
            return tf.matmul(inputs, self.kernel)

    @register
    @tfsparse.register_prunable({"experts": "eio", "combine": "oi"})
    class Experts(layer_of_units):
        """Experts side by side, one more kernel, and a layer inside."""

        def make(self):
            self.router = layers.Dense(4, "softmax", name="router")

        def build(self, input_shape):
            inputs = input_shape[-1]
            make = functools.partial(self.add_weight, initializer="glorot_uniform")
            self.experts = make(name="experts", shape=(4, inputs, self.units))
            self.combine = make(name="combine", shape=(self.units, self.units))
            self.router.build(input_shape)
            super().build(input_shape)

        def call(self, inputs):
            each = tf.einsum("bi,eio->beo", inputs, self.experts)
            mixed = tf.einsum("beo,be->bo", each, self.router(inputs))
            return tf.matmul(mixed, self.combine, transpose_b=True)

    @register
    class AroundExperts(layer_of_units):
        """Experts in a layer of another class."""

        def make(self):
            self.experts = Experts(self.units, name="moe")
            self.last = layers.Dense(self.units, name="last")

        def build(self, input_shape):
            self.experts.build(input_shape)
            self.last.build((*input_shape[:-1], self.units))
            super().build(input_shape)

        def call(self, inputs):
            return self.last(self.experts(inputs))

    @register
    @tfsparse.register_prunable({"kernel": "io"})
    class OwnDense(layers.Dense):
        """A subclass that uses its kernel as its base does."""

    @register
    @tfsparse.register_prunable({"kernel": "iiio"})
    class OwnConvolution(layers.Conv2D):
        """A subclass that uses its kernel as its base does."""

    recurrent = {}
    for base, gates in (("LSTM", "i(4o)"), ("GRU", "i(3o)"), ("SimpleRNN", "io")):
        own = type(f"Own{base}", (getattr(layers, base),), {"__module__": __name__})
        axes = {"cell.kernel": gates, "cell.recurrent_kernel": gates}
        recurrent[own.__name__] = register(tfsparse.register_prunable(own, axes))

    return types.SimpleNamespace(
        **recurrent,
        **{
            cls.__name__: cls
            for cls in (
                *(BuildsInside, BuiltByCalling, InContainers, Encoder, Decoder),
                *(MakesLayersInBuild, Network),
                *(Multiplies, Experts, AroundExperts, OwnDense, OwnConvolution),
            )
        },
    )
