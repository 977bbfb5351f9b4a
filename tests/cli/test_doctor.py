"""`tfsparse doctor`: what it finds on machines that are not well, and what it would do about it."""

import dataclasses

import pytest

from tests.serving.models import export_int8
from tfsparse import ops
from tfsparse.cli import exit_codes
from tfsparse.cli.error_texts import explain
from tfsparse.cli.findings import Installation, examine
from tfsparse.cli.isa_gains import MEANS, what_newer_gives
from tfsparse.cli.machine import Machine, look
from tfsparse.ops.library_info import LibraryInfo

MACHINE = Machine("A Processor", frozenset({"avx2"}), 8, "madvise", "performance", "6.1")
LIBRARY = LibraryInfo(1, 1, "2.21.0", ("portable", "avx2"), "avx2", "")
VERSIONS = {"tensorflow": "2.21.1", "keras": None}
SOFTWARE = Installation(LIBRARY, "", "/lib.so", VERSIONS, "2.21.1", ("tensorflow",))


def problems(machine=MACHINE, software=SOFTWARE, cores=8, quota=None):
    return {f.what: f for f in examine(machine, software, cores, quota) if f.problem}


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    monkeypatch.delenv("TFSPARSE_ISA", raising=False)
    monkeypatch.delenv("TFSPARSE_PATH", raising=False)
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)


def test_a_good_machine_has_no_problems():
    assert not problems()


@pytest.mark.parametrize(
    ("changes", "what", "fix", "fatal"),
    [
        ({"machine": {"huge_pages": "never"}}, "huge pages", "transparent_hugepage", False),
        ({"machine": {"governor": "powersave"}}, "clock", "cpupower", False),
        ({"machine": {"flags": frozenset({"amx_tile"})}}, "AMX", "Linux 5.16", False),
        ({"quota": 2.5}, "threads", "tfsparse.load(path), which takes 3,", False),
        ({"quota": 7.5}, "threads", "which takes 8,", False),
        ({"software": {"tensorflow": "2.20.0"}}, "op library", "==2.21.", True),
        ({"software": {"tensorflow": None}}, "TensorFlow", "pip install", True),
        (
            {"software": {"tensorflow": "2.20.0", "packages": ("tensorflow-cpu",)}},
            "op library",
            'pip install "tensorflow-cpu==2.21.*"',
            True,
        ),
        (
            {"software": {"packages": ("tensorflow", "tensorflow-cpu")}},
            "TensorFlow",
            "pip uninstall tensorflow tensorflow-cpu",
            False,
        ),
        (
            {"software": {"library": None, "library_problem": "no such file"}},
            "op library",
            "make build",
            True,
        ),
        (
            {"software": {"library": dataclasses.replace(LIBRARY, isa=None, problem="wrong")}},
            "ISA",
            "unset TFSPARSE_",
            True,
        ),
        (
            {"software": {"library": dataclasses.replace(LIBRARY, isa="portable")}},
            "ISA",
            "unset TFSPARSE_",
            False,
        ),
    ],
)
def test_what_is_wrong_has_a_fix(changes, what, fix, fatal):
    machine = dataclasses.replace(MACHINE, **changes.pop("machine", {}))
    software = dataclasses.replace(SOFTWARE, **changes.pop("software", {}))
    found = problems(machine, software, **changes)
    assert what in found
    assert fix in found[what].fix and found[what].fatal == fatal


@pytest.mark.parametrize("packages", [("tf-nightly",), ("tensorflow-rocm",), ()])
def test_a_tensorflow_of_any_package_will_do(packages):
    """Its version is that of the module, which may come from no package at all."""
    software = dataclasses.replace(SOFTWARE, versions={}, packages=packages)
    assert not problems(software=software)
    software = dataclasses.replace(software, tensorflow="2.19.0-dev20250101")
    found = problems(software=software)
    package = (packages or ("tensorflow",))[0]
    assert found["op library"].fix == f'pip install "{package}==2.21.*"'


def test_the_module_is_asked_for_its_version(run_json, monkeypatch):
    """Not a package, such as the one whose name is looked for in vain."""
    monkeypatch.setattr("tfsparse.tensorflow_versions.bringing", dict)
    code, found = run_json("doctor")
    assert code == 0 and found["ready"]
    assert "TensorFlow" not in {each["what"] for each in found["findings"] if each["problem"]}


def test_a_variable_of_tensorflows_for_threads(monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
    finding = problems()["TF_NUM_INTRAOP_THREADS"]
    assert "unset" in finding.fix and "tfsparse.load does not" in finding.problem


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"TFSPARSE_ISA": "portable"}, "TFSPARSE_ISA"),
        ({"TFSPARSE_PATH": "portable"}, "TFSPARSE_PATH"),
        ({"TFSPARSE_ISA": "portable", "TFSPARSE_PATH": "avx2"}, "TFSPARSE_ISA"),
    ],
)
@pytest.mark.parametrize("isa", ["portable", None])
def test_the_variable_that_asks_for_an_isa_is_named(monkeypatch, variables, named, isa):
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    library = dataclasses.replace(LIBRARY, isa=isa, problem="" if isa else "wrong")
    finding = problems(software=dataclasses.replace(SOFTWARE, library=library))["ISA"]
    assert finding.fix == f"unset {named}"
    assert isa is None or f"{named}=portable asks for it" in finding.found


def test_an_isa_of_a_newer_library():
    library = dataclasses.replace(LIBRARY, supported=("portable", "avx99"), isa="avx99")
    found = examine(MACHINE, dataclasses.replace(SOFTWARE, library=library), 8, None)
    assert "avx99 (not known)" in {each.what: each.found for each in found}["ISA"]


def test_amx_that_is_permitted():
    library = dataclasses.replace(LIBRARY, supported=("portable", "amx"), isa="amx")
    machine = dataclasses.replace(MACHINE, flags=frozenset({"amx_tile"}))
    assert not problems(machine, dataclasses.replace(SOFTWARE, library=library))


def test_this_machine(run_json, run):
    code, found = run_json("doctor")
    assert code == 0 and found["ready"]
    assert {"processor", "op library", "ISA", "threads"} <= {
        each["what"] for each in found["findings"]
    }
    assert "ISA" in run("doctor")[1]


def test_an_isa_that_this_processor_lacks(run, monkeypatch):
    monkeypatch.setenv("TFSPARSE_ISA", "z80")
    code, out, _ = run("doctor")
    assert code == exit_codes.ENVIRONMENT and "$ unset TFSPARSE_ISA" in out
    assert "models do not run." in out


def test_every_isa_is_explained():
    from tfsparse.ops.library_info import library_info

    for isa in library_info(ops.library_path()).supported:
        assert isa in MEANS and what_newer_gives(isa) != "not known"


def test_what_a_machine_says_of_itself(tmp_path):
    for name, text in {
        "proc/cpuinfo": "processor : 0\nmodel name : X\nflags : avx2 fma\n\nprocessor : 1\n",
        "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = look(tmp_path)
    assert (found.processor, found.flags, found.logical_cores) == ("X", {"avx2", "fma"}, 2)
    assert (found.huge_pages, found.governor) == ("madvise", "powersave")
    assert look(tmp_path / "nowhere").huge_pages is None


@pytest.mark.parametrize(
    ("text", "problem", "fix"),
    [
        (
            "W tensorflow/...: Op type not registered 'Tfsparse>BlockSparseMatMul' in binary",
            "which has Tfsparse>BlockSparseMatMul",
            "TF_LoadLibrary",
        ),
        ("Op type not registered 'SentencepieceOp' in binary", "SentencepieceOp is no op of", ""),
        ("x.so: undefined symbol: _ZN10tensorflow8OpKernel", "different minor versions", "wheel"),
        (
            "libtensorflow_framework.so.2: cannot open shared object file",
            "had not loaded TensorFlow",
            "TF_LoadLibrary",
        ),
        (
            "NodeDef mentions attr 'new' not in Op<name=Tfsparse>BlockSparseMatMul",
            "newer ops",
            "install the tfsparse",
        ),
        ("Segmentation fault", "not one of those", ""),
        ("", "not one of those", ""),
    ],
)
def test_errors_of_servers(run, text, problem, fix):
    finding = explain(text, LIBRARY)
    assert problem in finding.problem and fix in finding.fix and not finding.fatal
    assert explain(text, None).problem


def test_an_error_is_explained_by_the_command(run):
    code, out, _ = run("doctor", "--error", "Op type not registered 'Tfsparse>X'")
    assert code == 0 and "TF_LoadLibrary" in out


def test_a_model_that_runs_here(run_json, tmp_path, files):
    folder, _ = export_int8(tmp_path / "1")
    code, found = run_json("doctor", folder)
    by_name = {each["what"]: each for each in found["findings"]}
    assert code == 0 and "layers in int8" in by_name["model"]["found"]
    assert "decided for" in by_name
    code, found = run_json("doctor", files / "sparse")
    assert code == 0 and "needs no op library" in str(found)


def test_a_model_for_another_op_library(run, tmp_path):
    folder, _ = export_int8(tmp_path / "1")
    file = tmp_path / "1/assets.extra/tfsparse.json"
    file.write_text(file.read_text().replace('"op_library": ', '"op_library": 9'))
    code, out, _ = run("doctor", folder)
    assert code == exit_codes.ENVIRONMENT and "export it again" in " ".join(out.split())
    file.write_text("{}")
    code, _, err = run("doctor", folder)
    assert code == exit_codes.REFUSED and "one that tfsparse writes" in err


def test_what_is_no_model(run, tmp_path):
    code, _, err = run("doctor", tmp_path / "none")
    assert code == exit_codes.REFUSED and "saved_model.pb" in err
