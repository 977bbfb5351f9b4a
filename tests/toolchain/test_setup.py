"""Set-up's choices, each made among stand-ins in an otherwise empty PATH."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ROOT / "custom_ops" / "toolchain" / "setup"
SCRIPTS = ("say", "system", "compiler", "bazel", "python")

# Commands that the scripts themselves use.
TOOLS = ("cat", "cut", "env", "grep", "id", "seq", "tail", "timeout")


@pytest.fixture
def machine(tmp_path):
    """A folder that is the PATH: nothing but the plain tools is installed."""
    for tool in TOOLS:
        path = next(p for p in map(Path, ("/usr/bin", "/bin")) if (p / tool).exists()) / tool
        (tmp_path / tool).symlink_to(path)
    return tmp_path


def install(machine, name, script):
    (machine / name).write_text(f"#!/bin/bash\n{script}\n")
    (machine / name).chmod(0o755)


def install_clang(machine, name, version, says="clang version", compiles=True):
    script = f"""case $1 in
      -dumpversion) echo {version} ;;
      --version) echo "{says} {version}" ;;
      -print-file-name=*) echo "{machine}/${{1#*=}}" ;;
      *) {"true" if compiles else "false"} ;;
    esac"""
    install(machine, name, script)


def ask(machine, command, **environment):
    sources = "; ".join(f"source {PARTS / part}.sh" for part in SCRIPTS)
    return subprocess.run(
        ["/bin/bash", "-c", f"set -euo pipefail; LOG={machine}/log; {sources}; {command}"],
        env={"PATH": str(machine), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_bazel(machine):
    assert ask(machine, "find_bazel").returncode != 0


@pytest.mark.parametrize(
    ("says", "suitable"),
    [
        ("bazel no_version", True),
        ("bazel 4.2.3", True),
        ("bazel 7.4.1", True),
        ("bazel 3.7.2", False),
        ("bazel 8.0.0", False),
        ("bazel 10.1.0", False),
        ("command not found", False),
    ],
)
def test_bazel_4_to_7(machine, says, suitable):
    install(machine, "bazel", f"echo {says}")
    assert (ask(machine, "find_bazel").stdout.strip() == f"{machine}/bazel") == suitable


def test_bazelisk_where_bazel_does_not_serve(machine):
    install(machine, "bazel", "echo bazel 9.0.0")
    install(machine, "bazelisk", "echo bazel 7.4.1")
    assert ask(machine, "find_bazel").stdout.strip() == f"{machine}/bazelisk"


def test_the_callers_bazel_is_not_replaced(machine):
    install(machine, "bazel", "echo bazel 7.4.1")
    install(machine, "mine", "echo bazel 9.0.0")
    assert ask(machine, "find_bazel", BAZEL="mine").returncode != 0


def test_the_clang_of_the_project_then_the_newest(machine):
    for version in (16, 18):
        install_clang(machine, f"clang-{version}", f"{version}.0.1")
    install_clang(machine, "clang", "14.0.0")
    assert ask(machine, "find_clang").stdout.strip() == f"{machine}/clang-18"
    install_clang(machine, "clang-22", "22.1.0")
    assert ask(machine, "find_clang").stdout.strip() == f"{machine}/clang-22"
    install_clang(machine, "clang-19", "19.1.7")
    assert ask(machine, "find_clang").stdout.strip() == f"{machine}/clang-19"


def test_a_clang_without_a_cxx_library_is_passed_over(machine):
    install_clang(machine, "clang-19", "19.1.7", compiles=False)
    install_clang(machine, "clang-17", "17.0.6")
    assert ask(machine, "find_clang").stdout.strip() == f"{machine}/clang-17"


@pytest.mark.parametrize(("version", "says"), [("14.0.6", "clang version"), ("15", "gcc")])
def test_an_old_clang_or_another_compiler_does_not_serve(machine, version, says):
    install_clang(machine, "clang", version, says)
    assert ask(machine, "find_clang").returncode != 0


def test_asks_for_the_sanitizer_that_clang_lacks(machine):
    install_clang(machine, "clang-17", "17.0.6")
    assert ask(machine, "missing_sanitizer").stdout.strip() == "libclang-rt-17-dev"
    (machine / "libclang_rt.asan-x86_64.a").touch()
    assert ask(machine, "missing_sanitizer").stdout == ""


@pytest.mark.parametrize(
    ("offered", "packages"),
    [
        ((14, 16, 19, 22), "clang-19 libclang-rt-19-dev"),
        ((14, 16, 18), "clang-18 libclang-rt-18-dev"),
        ((14,), "clang-19"),
    ],
)
def test_the_clang_that_this_release_offers(machine, offered, packages):
    names = " ".join(f"clang-{v} libclang-rt-{v}-dev" for v in offered)
    # The real one goes on for many lines, and dies if its reader has stopped reading.
    script = f"""case " {names} " in
      *" $2 "*) echo "  Candidate: 1.0" ;;
      *) echo "  Candidate: (none)" ;;
    esac
    seq 100000"""
    install(machine, "apt-cache", script)
    assert ask(machine, "clang_packages").stdout.split() == packages.split()


def test_a_shim_that_only_prints_an_error_is_no_python(machine):
    install(machine, "python3", "echo 'no such version' >&2; exit 127")
    install(machine, "python3.12", "exit 0")
    assert ask(machine, "find_python").stdout.strip() == "python3.12"


@pytest.mark.parametrize(
    ("version", "suitable"), [((3, 9), False), ((3, 10), True), ((3, 13), True), ((3, 14), False)]
)
def test_python_3_10_to_3_13(machine, version, suitable):
    pretend = f"import sys; sys.version_info = ({version[0]}, {version[1]}, 0); exec(sys.argv[1])"
    python = Path(sys.executable)
    install(machine, "python3", f"exec {python} -c '{pretend}' \"$2\"")
    assert (ask(machine, "find_python").returncode == 0) == suitable


def test_the_callers_python_is_not_replaced(machine):
    install(machine, "python3", "exit 0")
    assert ask(machine, "find_python", PYTHON="python3.9").returncode != 0


def test_stops_and_says_what_to_install_where_it_may_not(machine):
    answer = ask(machine, "install_missing_packages; echo went on")
    assert answer.returncode == 1
    assert "went on" not in answer.stdout
    install_line = next(line for line in answer.stderr.splitlines() if "apt-get install" in line)
    for package in ("bazel-bootstrap", "clang-19", "g++", "git", "python3-venv"):
        assert package in install_line.split()


def test_a_second_run_is_silent_and_quick():
    setup = ROOT / "custom_ops" / "toolchain" / "setup.sh"
    subprocess.run([setup], capture_output=True, check=True)
    assert subprocess.run([setup], capture_output=True, timeout=2, check=True).stdout == b""


def test_bazel_is_told_of_this_environment():
    text = (ROOT / ".bazelrc.local").read_text()
    assert f"TFSPARSE_PYTHON={ROOT}/.venv/bin/python\n" in text
    assert "TFSPARSE_TENSORFLOW=2.21." in text
