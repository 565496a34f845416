#!/usr/bin/env bash
# scikit-learn 1.9.1 (PyPI): Cohen's kappa with quadratic weights of two raters of sentiment, who used -3, 0, 1 and 3.
# Guess: a disagreement weighs (a - b) squared, so that -3 against 3 weighs 36.
# Seen: it weighs by the place among the values that occur: writing 100 for 3 changes nothing, and naming the unused values does.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install scikit-learn==1.9.1 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import sys
from sklearn.metrics import cohen_kappa_score
first, second = [-3, -3, 0, 0, 3, 3, 1, 1], [-3, 0, 0, 3, 3, 1, 1, -3]
far = lambda ratings: [100 if rating == 3 else rating for rating in ratings]
kappa = lambda a, b, **more: round(float(cohen_kappa_score(a, b, weights="quadratic", **more)), 3)
seen = kappa(first, second), kappa(far(first), far(second)), kappa(first, second, labels=list(range(-3, 4)))
print("kappa, with 100 for 3, with every value from -3 to 3 named:", seen)
sys.exit(0 if seen[0] == seen[1] != seen[2] else 1)
PYTHON
