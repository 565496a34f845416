"""Typed stubs of the compiled modules, written from what is built (needs pybind11-stubgen, scripts/setup.sh --test):

    PYTHONPATH=build/release/python .venv/bin/python scripts/stubs.py [FOLDER]      (default: python, where they are kept)

python/tests/test_stubs.py compares.
"""

import sys
from pathlib import Path

import pybind11_stubgen

import kuda._native  # noqa: F401  torch comes first
import kuda.pickles  # noqa: F401

if __name__ == "__main__":
    out = sys.argv[1] if len(sys.argv) > 1 else str(Path(__file__).parent.parent / "python")
    for module in ("kuda._kuda", "kuda._pickle", "kuda._video"):
        pybind11_stubgen.main([module, "--output-dir", out, "--exit-code"])
