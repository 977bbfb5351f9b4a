"""Every engine has its module and its requirements."""

from benchmarks.harness import environment
from benchmarks.peers.engine import ENGINES


def test_every_engine_has_its_module_and_its_requirements():
    for engine in ENGINES:
        assert (environment.ROOT / f"{engine.module.replace('.', '/')}.py").is_file(), engine
        if engine.environment:
            assert (environment.REQUIREMENTS / f"{engine.environment}.txt").is_file(), engine
