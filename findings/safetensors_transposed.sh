#!/usr/bin/env bash
# safetensors 0.8.0 with numpy 2.4.6 (PyPI): a transposed array is written in memory order, under the transposed shape.
# Guess: save_file makes the array contiguous first, or refuses it, so that what is read back is equal.
# Seen: [[0, 3], [1, 4], [2, 5]] comes back as [[0, 1], [2, 3], [4, 5]], without a message: every frame is mixed from others.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install safetensors==0.8.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import sys, numpy as np
from safetensors.numpy import load_file, save_file
frames = np.arange(6, dtype=np.float32).reshape(2, 3).T          # [3 frames, 2 columns]
save_file({"audio": frames}, "features.safetensors")
back = load_file("features.safetensors")["audio"]
print("written:", frames.tolist(), " read:", back.tolist())
sys.exit(0 if back.shape == frames.shape and not np.array_equal(back, frames) else 1)
PYTHON
