#!/usr/bin/env bash
# Tests of the Python package as it lies in the build folder: python_test.sh PYTHON FOLDER [options of pytest].
# Says so and ends well where pytest or numpy is missing (scripts/setup.sh --test installs them).
set -euo pipefail
python=$(realpath -s "$1") package=$(realpath "$2")  # -s: the Python of a venv is a link
shift 2
cd "$(dirname "$0")/../python/tests"  # not beside the sources: python -m would import those
if ! "$python" -c 'import importlib.util as u, sys; sys.exit(any(u.find_spec(n) is None for n in ("numpy", "pytest")))'; then
  echo "the Python package is not tested: scripts/setup.sh --test installs numpy and pytest"
  exit 0
fi
PYTHONPATH=$package exec "$python" -m pytest -q -p no:cacheprovider . "$@"
