"""Cores that a process may keep busy, by either version of cgroups."""

import pytest

from tfsparse.serving import cores


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(
    ("files", "own", "quota"),
    [
        ({}, "", None),
        ({"cpu.max": "max 100000\n"}, "0::/\n", None),
        ({"cpu.max": "150000 100000\n"}, "0::/\n", 1.5),
        ({"a/b/cpu.max": "300000 100000\n", "a/cpu.max": "200000 100000\n"}, "0::/a/b\n", 2.0),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, "", 0.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, "", None),
        (
            {"cpu/x/cpu.cfs_quota_us": "100000\n", "cpu/x/cpu.cfs_period_us": "100000\n"},
            "4:cpu,cpuacct:/x\n3:memory:/y\n",
            1.0,
        ),
        ({"cpu.max": "nonsense\n"}, "0::/../..\n", None),
        ({"cpu.max": "100000 0\n"}, "0::/\n", None),
    ],
)
def test_quota(tmp_path, files, own, quota):
    write(tmp_path, {**files, "own": own})
    assert cores.cgroup_quota(tmp_path, tmp_path / "own") == quota


@pytest.mark.parametrize(("quota", "usable"), [(None, 4), (2.5, 3), (9.0, 4), (0.1, 1)])
def test_usable_cores(monkeypatch, quota, usable):
    monkeypatch.setattr(cores, "affinity", lambda: 4)
    monkeypatch.setattr(cores, "cgroup_quota", lambda: quota)
    assert cores.usable_cores() == usable
