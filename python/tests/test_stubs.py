"""The stubs that are kept are those of the modules that are built."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def test_stubs_are_those_of_the_modules(tmp_path):
    pytest.importorskip("pybind11_stubgen")
    subprocess.run([sys.executable, ROOT / "scripts" / "stubs.py", tmp_path], check=True)
    for name in ("_kuda.pyi", "_pickle.pyi", "_video.pyi"):
        kept, made = ((place / "kuda" / name).read_text() for place in (ROOT / "python", tmp_path))
        assert kept == made, f"python/kuda/{name} is out of date: scripts/stubs.py writes it"
