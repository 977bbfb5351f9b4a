"""Engines are chosen by name and precision, and compared with ours in the same one."""

import pytest

from benchmarks.harness import environment
from benchmarks.models import preparing
from benchmarks.models.engine import ENGINES, choose, names, ours_for


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.label)
def test_every_engine_has_its_module_its_requirements_and_its_forms(engine):
    assert (environment.ROOT / f"{engine.module.replace('.', '/')}.py").is_file()
    if engine.environment:
        assert (environment.REQUIREMENTS / f"{engine.environment}.txt").is_file()
    assert set(engine.forms) <= set(preparing.FORMS)


@pytest.mark.parametrize(("name", "form"), preparing.FORMS.items())
def test_every_form_has_its_module_and_its_requirements(name, form):
    assert (environment.ROOT / f"{form.module.replace('.', '/')}.py").is_file()
    assert (environment.REQUIREMENTS / f"{form.environment}.txt").is_file()


def test_names_follow_the_precisions_and_labels_do_not():
    chosen = choose(["tfsparse", "tensorflow", "openvino/bf16"], ["int8"])
    assert [each.label for each in chosen] == ["tfsparse/int8", "tensorflow/fp32", "openvino/bf16"]
    assert len(choose(names(), ["int8", "bf16", "fp32"])) == len(ENGINES)


def test_an_engine_is_compared_with_ours_in_its_precision_or_the_first_chosen_one():
    timed = {"tfsparse/int8", "tfsparse/fp32", "openvino/bf16"}
    assert ours_for("fp32", timed, ["int8", "fp32"]) == "tfsparse/fp32"
    assert ours_for("bf16", timed, ["int8", "fp32"]) == "tfsparse/int8"
    assert ours_for("fp32", {"tensorflow/fp32"}, ["int8"]) is None
