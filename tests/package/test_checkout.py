import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_process_that_a_test_starts_imports_the_checkout(tmp_path):
    command = [sys.executable, "-c", "import tfsparse.pattern as p; print(p.__file__)"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(answer.stdout.strip()) == ROOT / "tfsparse" / "pattern.py"
