"""The package's own code keeps to its types, where mypy is installed."""

import subprocess
import sys
from pathlib import Path

import pytest


def test_types():
    pytest.importorskip("mypy")
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=Path(__file__).parent.parent.parent, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout + done.stderr
