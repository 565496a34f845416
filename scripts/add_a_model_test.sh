#!/usr/bin/env bash
# Tries the recipe of docs/add-a-model.md: in a copy of the tree, adds a copy of `lmf` under another name, builds
# models_test and runs the conformance suite and the model's own tests on it. Not part of `make test`: it compiles the
# tree once more, which takes minutes (less with ccache).
#   scripts/add_a_model_test.sh [FOLDER]     where the copy goes; default: a temporary folder, removed afterwards
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
copy=${1:-}
if [ -z "$copy" ]; then
  copy=$(mktemp -d)
  trap 'rm -rf "$copy"' EXIT
fi
name=toy
say() { printf '\n== %s\n' "$*"; }

say "copy of the tree"
mkdir -p "$copy"
(cd "$root" && git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy" 2>/dev/null || true)
ln -sfn "$root/.venv" "$copy/.venv"
cd "$copy"

# The text of a file with the model's name exchanged; the class Lmf becomes Toy.
renamed() { sed -e "s/\blmf\b/$name/g; s/\blmf_/${name}_/g; s/_lmf\b/_$name/g; s/Lmf/Toy/g; s/LMF/Toy/g" "$1"; }

say "1. the folder, 3. the presets, 4. the golden case"
mkdir -p "src/kuda/models/$name" "tests/data/golden/$name"
for file in src/kuda/models/lmf/* configs/lmf_*.toml tests/golden/lmf_cases.cpp; do
  renamed "$file" >"${file//lmf/$name}"
done
cp tests/data/golden/lmf/* "tests/data/golden/$name/"

say "2. the line in the list of models"
registry=src/kuda/models/registry.cpp
sed -i -e "s|^#include \"kuda/models/lmf/lmf.h\"|&\n#include \"kuda/models/$name/$name.h\"|; s|lmf::info(),|& $name::info(),|" $registry
grep -q "$name::info()" $registry || { echo "registry.cpp: no line of lmf to copy" >&2; exit 1; }

say "build"
cmake --preset release >configure.log 2>&1 || { cat configure.log; exit 1; }
cmake --build --preset release --parallel "${JOBS:-$(nproc)}" --target models_test

say "conformance"
export OMP_NUM_THREADS=1
build/release/src/kuda/models/models_test --gtest_filter="*Conformance*/$name:Toy.*" | tee conformance.log | tail -n 30
count=$(grep -c '^\[       OK \] AllModels/Conformance' conformance.log || true)
[ "$count" -ge 10 ] || { echo "only $count conformance tests ran on $name" >&2; exit 1; }
say "$name: $count conformance tests passed"
