#!/usr/bin/env bash
# MLstatkit 0.1.91 (PyPI; DeLong's test of two areas under the curve, "aligned with pROC"): a model against itself.
# Guess: the difference is 0, so z is 0 and p is 1, or it is said that the variance is 0.
# Seen: z = 0 and p = 0. Where the variance is 0 it draws samples instead and doubles the smaller tail: no draw lies above 0, and so
# a model differs from itself, and from its own scores on another scale, with the greatest certainty.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 tqdm==4.70.1
"$work/venv/bin/pip" -q install --no-deps MLstatkit==0.1.91
"$work/venv/bin/python" - <<'PYTHON'
import sys, numpy as np
from MLstatkit import Delong_test
random = np.random.default_rng(1)
truth = random.integers(0, 2, 200)
scores = truth + random.standard_normal(200)
other = truth + random.standard_normal(200)
seen = [tuple(round(value, 3) for value in Delong_test(truth, scores, second, random_state=1)[:2]) for second in (scores, 2 * scores + 1, other)]
print("z and p against itself, its own scale doubled, another model:", seen)
sys.exit(0 if seen[:2] == [(0.0, 0.0)] * 2 and seen[2][1] > 0.05 else 1)
PYTHON
