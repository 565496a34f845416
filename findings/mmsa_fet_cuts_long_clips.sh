#!/usr/bin/env bash
# MMSA-FET 0.4.1 (PyPI; makes feature files for MMSA): clips of unequal lengths are padded to one array.
# Guess: the longest clip gives the length, as zeros behind the others suggest; nothing is lost.
# Seen: the length is the mean and three deviations: of nineteen clips of 100 frames and one of 1000, the long one keeps 733, and a
# long text loses its end with [SEP], the mark that BERT wants there. No message; the stored lengths are cut down with it.
# Only the module that pads is loaded: what it imports for pictures, sound and networks is left empty.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install numpy==2.4.6 pandas==3.1.1 soundfile==0.14.0 tqdm==4.70.1
"$work/venv/bin/pip" -q install --no-deps MMSA-FET==0.4.1
"$work/venv/bin/python" - <<'PYTHON'
import importlib.util, sys, types
from unittest.mock import MagicMock
package = types.ModuleType("MSA_FET")
package.__path__ = importlib.util.find_spec("MSA_FET").submodule_search_locations
sys.modules["MSA_FET"] = package
for name in ("torch", "MSA_FET.ASD", "MSA_FET.aligners", "MSA_FET.extractors"):
    sys.modules[name] = MagicMock(__all__=[])
import numpy as np
from MSA_FET.dataset import paddingSequence
audio, length = paddingSequence([np.ones((frames, 5)) for frames in [100] * 19 + [1000]], "zero", "end")
texts = [np.array([[101, 1, 0]] + [[2307, 1, 0]] * (words - 2) + [[102, 1, 0]]) for words in [10] * 19 + [60]]
tokens, _ = paddingSequence(texts, "zero", "end")                                          # 101 is [CLS], 102 is [SEP]
ends = [int(102 in text[:, 0]) for text in tokens]
print("frames kept of 1000:", int(audio[-1].any(axis=1).sum()), " tokens kept of 60:", tokens.shape[1], " texts with [SEP]:", sum(ends), "of 20")
sys.exit(0 if (length, int(audio[-1].any(axis=1).sum()), tokens.shape[1], ends[-1]) == (733, 733, 45, 0) else 1)
PYTHON
