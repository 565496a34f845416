#!/usr/bin/env bash
# A wheel of the Python package, and what somebody who installs it sees: wheel.sh [FOLDER] (default: build/wheel).
# Links what `make build` has compiled, against the torch in .venv; takes a minute then.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-build/wheel}
python=.venv/bin/python
rm -rf "$out"
"$python" -m pip wheel . --quiet --disable-pip-version-check --no-build-isolation --no-deps -w "$out" \
  -C build-dir=build/release

# Into an empty environment that has nothing but the torch it was built for.
"$python" -m venv --clear "$out/venv"
"$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >"$(echo "$out"/venv/lib/python3*/site-packages)/torch.pth"
"$out/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$out"/kuda-*.whl
cd "$out"
venv/bin/kuda --version
venv/bin/python - <<'CHECK'
import sys
import kuda
assert "torch" not in sys.modules, "import kuda brings torch"
data = kuda.synthesize(train=4, valid=2, test=2)
assert len(data) == 8 and len(kuda.models()) == 13
print("the wheel works with torch", sys.modules["torch"].__version__)
CHECK
ls -l kuda-*.whl
