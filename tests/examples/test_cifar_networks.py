"""Where the dense models of the CIFAR-10 program come from, without training them."""

import cifar_networks
import numpy as np
import pytest
from support import cifar_models

GIVEN, TRAINED = 0.25, 0.5


@pytest.fixture
def trained(monkeypatch, tmp_path):
    """Networks of a few layers, with given weights of GIVEN; training sets them to TRAINED.

    Each training adds the network's name and its epochs to the list.
    """
    found = []
    networks = {
        "resnet8": cifar_networks.Network(8, 1, 0.01),
        "resnext11": cifar_networks.Network(11, 2, 0.05, teacher="resnet8"),
    }

    def fill(model, value):
        model.set_weights([np.full_like(weight, value) for weight in model.get_weights()])

    def fit(model, data, epochs, optimizer, loss):
        assert loss.logits == (1.0 if model.name == "resnext11" else 0.0)
        found.append((model.name, epochs))
        fill(model, TRAINED)

    monkeypatch.setattr(cifar_networks, "NETWORKS", networks)
    monkeypatch.setattr(cifar_networks, "ARTIFACTS", tmp_path)
    monkeypatch.setattr(cifar_networks, "data_file", lambda root, name: root / name)
    monkeypatch.setattr(cifar_models, "set_weights", lambda model, path: fill(model, GIVEN))
    monkeypatch.setattr(cifar_networks, "fit", fit)
    return found


def dense(name, *words):
    images = np.zeros((cifar_networks.BATCH_SIZE, 32, 32, 3), np.float32)
    train = (images, np.zeros(len(images), np.int32))
    arguments = cifar_networks.parser().parse_args(words)
    model = cifar_networks.dense_model(arguments, name, train)
    return model.get_layer(cifar_models.LAST).get_weights()[0]


def test_the_first_images_take_the_given_weights_as_they_are(trained):
    assert (dense("resnet8") == GIVEN).all() and trained == []


def test_all_images_train_the_given_weights_on_and_once(trained):
    for _ in range(2):
        assert (dense("resnet8", "--images", "all") == TRAINED).all()
    assert trained == [("resnet8", 1)]
    dense("resnet8", "--images", "all", "--dense-epochs", "3")
    assert trained[1:] == [("resnet8", 3)]


@pytest.mark.long
def test_a_network_without_weights_learns_from_its_teacher_once(trained):
    for _ in range(2):
        assert (dense("resnext11") == TRAINED).all()
    assert trained == [("resnext11", 2)]
    dense("resnext11", "--images", "all")
    assert trained[1:] == [("resnet8", 1), ("resnext11", 2)]
