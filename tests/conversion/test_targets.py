import pytest

from tfsparse.conversion import targets


def test_a_target_is_found_by_name():
    assert targets.find_target("icelake").peak["int8"] == 4
    with pytest.raises(ValueError, match=r"`target` should be one of .*Received: target='i386'"):
        targets.find_target("i386")


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ("avx2 avx512f avx512_vnni avx512_bf16", "zen4"),
        ("avx2 avx512f avx512_vnni avx512_bf16 amx_tile amx_int8", "sapphirerapids"),
        ("avx2 avx512f avx512_vnni", "icelake"),
        ("avx2 avx_vnni", "icelake"),
        ("avx2 fma", "avx2"),
    ],
)
def test_this_machine_is_known_by_its_flags(tmp_path, monkeypatch, flags, name):
    (tmp_path / "cpuinfo").write_text(f"model name : x\nflags\t\t: fpu {flags}\n")
    monkeypatch.setattr(targets, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.delenv("TFSPARSE_TARGET")
    assert targets.find_target(None).name == name


def test_the_environment_names_the_default(monkeypatch):
    monkeypatch.setenv("TFSPARSE_TARGET", "avx2")
    assert targets.find_target(None).name == "avx2"
    assert targets.find_target("icelake").name == "icelake"
    monkeypatch.setenv("TFSPARSE_TARGET", "")
    monkeypatch.setattr(targets, "_this_machine", lambda: targets.TARGETS["zen5"])
    assert targets.find_target(None).name == "zen5"
    monkeypatch.setenv("TFSPARSE_TARGET", "i386")
    message = r"`TFSPARSE_TARGET` should be one of .*Received: TFSPARSE_TARGET='i386'"
    with pytest.raises(ValueError, match=message):
        targets.find_target(None)
