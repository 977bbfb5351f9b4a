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
        ("avx2 avx512f avx512_vnni", "icelake"),
        ("avx2 avx_vnni", "icelake"),
        ("avx2 fma", "avx2"),
    ],
)
def test_this_machine_is_known_by_its_flags(tmp_path, monkeypatch, flags, name):
    (tmp_path / "cpuinfo").write_text(f"model name : x\nflags\t\t: fpu {flags}\n")
    monkeypatch.setattr(targets, "_CPUINFO", tmp_path / "cpuinfo")
    assert targets.find_target(None).name == name
