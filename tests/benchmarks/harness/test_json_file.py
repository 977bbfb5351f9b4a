"""Files are whole."""

import json

import pytest

from benchmarks.harness.json_file import write_json


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    file = tmp_path / "new" / "out.json"
    write_json(file, {"rows": [1]})
    assert json.loads(file.read_text()) == {"rows": [1]}
    with pytest.raises(ValueError):
        write_json(file, {"rows": float("nan")})
    assert json.loads(file.read_text()) == {"rows": [1]}
    assert [path.name for path in file.parent.iterdir()] == ["out.json"]
