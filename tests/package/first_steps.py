"""The page `docs/first-steps.md` as commands: runs them, and writes what they print into the page.

``python -m tests.package.first_steps`` makes the page anew, from a wheel in a new environment.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import build_wheel
import tensorflow_libraries

from .environments import make_environment, outside

PAGE = tensorflow_libraries.ROOT / "docs" / "first-steps.md"
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.M | re.S)
_FILE = re.compile(r'^``` \{ \.python title="(\S+)" \}\n(.*?)^```', re.M | re.S)


def steps(page):
    """Pairs of a command line and what the page says that it prints."""
    found = []
    for block in _BLOCK.findall(page):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def write_files(page, folder):
    """The files that a reader of the page makes."""
    for name, content in _FILE.findall(page):
        (folder / name).write_text(content)


def run(command, python, folder):
    """Runs a command line with an environment's programs; gives the exit code and the output."""
    path = f"{python.parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=outside(PATH=path, COLUMNS="100", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1"),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def outline(output):
    """What does not depend on the machine: the words that lines begin with, and no numbers."""
    words = [line.split()[0] for line in output.splitlines() if line[:1].strip()]
    return [word for word in words if word.isalpha()]


def main():
    page = PAGE.read_text()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "work")
        folder.mkdir()
        own = tensorflow_libraries.own_version()
        library = {own: tensorflow_libraries.ROOT / tensorflow_libraries.OWN}
        python = make_environment(Path(scratch), build_wheel.build_wheel(Path(scratch), library))
        write_files(page, folder)

        def answered(block):
            lines = []
            for part in re.split(r"^\$ ", block[1], flags=re.M)[1:]:
                command = part.partition("\n")[0]
                code, out, err = run(command, python, folder)
                if code:
                    sys.exit(f"{command}: {code}: {err}")
                out = re.sub(r"/\S*/(lib/python3)", r"env/\1", out)
                text = "\n".join(line.rstrip() for line in out.splitlines()).strip("\n")
                lines += [f"$ {command}", *([text] if text else [])]
            return "```console\n" + "\n".join(lines) + "\n```"

        PAGE.write_text(_BLOCK.sub(answered, page))


if __name__ == "__main__":
    sys.path.insert(0, "pip_pkg")
    main()
