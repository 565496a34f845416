#!/usr/bin/env bash
# The demonstration behind `make demo`: synthetic clips, both training stages, evaluation, a table.
#   scripts/demo.sh KUDA FOLDER
set -euo pipefail
kuda=$1 folder=$2
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$folder"
say() { printf '\n== %s\n' "$*"; }

say "1. A synthetic data set of 500 clips (docs/synthetic.md has the rule behind it)"
"$kuda" data synth "$folder/clips" --seed 7 --force

say "2. KuDA: stage 1 (one modality at a time), then stage 2 (all three)"
"$kuda" train -d "$folder/clips" -m kuda -c "$root/configs/kuda_demo.toml" --encoder "$root/encoders/minilm" \
  --out "$folder/kuda"

say "3. The same with text alone"
"$kuda" train -d "$folder/clips" -m kuda -c "$root/configs/kuda_demo.toml" --encoder "$root/encoders/minilm" \
  --modalities T --out "$folder/kuda-text"

say "4. The test split"
