"""The wheel in an environment of its own.

The environment is a new one. To spare ten minutes of downloads it borrows the packages of the
environment that runs the tests, all but tfsparse, through links; pip looks at them and at nothing
else, so it checks the wheel's requirements against real versions and would refuse a wrong pin.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path


def outside(**variables):
    """The variables of a process that knows nothing of the checkout."""
    ours = ("PYTHON", "VIRTUAL_ENV")
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)} | variables


def run(python, cwd, *arguments):
    """Runs Python far from the checkout: `-m MODULE ...`, or a source."""
    if arguments[0] != "-m":
        arguments = ["-c", *arguments]
    return subprocess.run(
        [python, *arguments], cwd=cwd, env=outside(), capture_output=True, text=True, check=False
    )


def make_environment(folder, wheel):
    """A new environment with the wheel; gives its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    python = folder / "env" / "bin" / "python"
    borrowed = folder / "borrowed"
    borrowed.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("tfsparse", "__editable__")) and entry.suffix != ".pth":
            (borrowed / entry.name).symlink_to(entry)
    site = next((folder / "env" / "lib").glob("python3*/site-packages"))
    (site / "borrowed.pth").write_text(f"{borrowed}\n")
    assert "No module named 'tfsparse'" in run(python, folder, "import tfsparse").stderr
    install = run(python, folder, "-m", "pip", "install", "--no-index", str(wheel))
    assert install.returncode == 0, install.stderr
    return python
