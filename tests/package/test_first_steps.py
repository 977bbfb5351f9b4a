"""A newcomer's first steps, as the page shows them, from the wheel in a new environment."""

import pytest

from .first_steps import PAGE, outline, run, steps, write_files

TEXT = PAGE.read_text()


@pytest.mark.long
def test_the_steps_of_the_page_do_what_it_says(environment, tmp_path):
    write_files(TEXT, tmp_path)
    for command, shown in steps(TEXT):
        code, out, err = run(command, environment, tmp_path)
        assert code == 0, f"{command}: {err}"
        missing = set(outline(shown)) - set(outline(out))
        assert not missing, f"{command}: {out}"
    assert (tmp_path / "served/1/saved_model.pb").exists()


def test_the_page_has_what_every_step_prints():
    found = dict(steps(TEXT))
    commands = [command.split()[1] for command in found if command.startswith("tfsparse")]
    assert commands == ["doctor", "inspect", "prune", "inspect", "convert", "benchmark"]
    silent = [command for command, shown in found.items() if not outline(shown)]
    assert [c for c in silent if c.startswith("tfsparse ") and "doctor" not in c] == []
