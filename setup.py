"""What pyproject.toml cannot say about the wheel: its tag, and that it needs an op library."""

from __future__ import annotations

from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel

OPS = Path(__file__).with_name("tfsparse") / "ops"


class OpLibraryDistribution(Distribution):
    """A distribution that is bound to a platform, though no extension is compiled here."""

    def has_ext_modules(self) -> bool:
        """Puts the package among the platform's, as there is a shared library in it."""
        return True


class OpLibraryWheel(bdist_wheel):
    """A wheel of one platform for every Python: an op library does not link to Python."""

    def run(self) -> None:
        """Builds the wheel, if there is an op library to put into it."""
        if not list(OPS.glob("libtfsparse_ops*.so")):
            raise FileNotFoundError(
                f"An op library should have been built in {OPS} (`make build` in a checkout). "
                "Received: no such file"
            )
        super().run()

    def get_tag(self) -> tuple[str, str, str]:
        """The tag ``py3-none-<platform>``."""
        return "py3", "none", super().get_tag()[2]


setup(distclass=OpLibraryDistribution, cmdclass={"bdist_wheel": OpLibraryWheel})
