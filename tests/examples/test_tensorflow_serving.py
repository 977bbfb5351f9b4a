"""What can be checked of TensorFlow Serving without building it: its files name what there is."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "tensorflow_serving"


def test_the_dockerfile_copies_what_there_is():
    sources = re.findall(r"^COPY (?!--from)(\S+) ", (FOLDER / "Dockerfile").read_text(), re.M)
    assert sources and all((ROOT / source).exists() for source in sources)


def test_the_target_that_is_linked_in_is_public():
    build = (ROOT / "custom_ops/tf_ops/BUILD").read_text()
    (rule,) = re.findall(r'cc_library\(\n    name = "tf_ops",.*?\n\)', build, re.S)
    assert "//visibility:public" in rule and "alwayslink = True" in rule


def test_every_target_of_tensorflows_that_the_ops_need_is_replaced():
    """All that `//custom_ops/tf_ops` is made of, wherever it stands in the build files."""
    wanted = set()
    for build in (ROOT / "custom_ops").rglob("BUILD"):
        wanted |= set(re.findall(r"@local_config_tf//:(\w+)", build.read_text()))
    given = re.findall(r'name = "(\w+)"', (FOLDER / "local_config_tf.BUILD").read_text())
    assert wanted <= set(given)
