#!/usr/bin/env bash
# audmetric 1.4.2 beside scikit-learn 1.9.1 (PyPI): unweighted average recall (UAR) when a class is predicted that no clip has.
# Guess: UAR is the mean recall of the classes in the truth, as in scikit-learn's balanced accuracy: 2 of 3 right gives 0.667.
# Seen: audmetric counts the absent class with recall 0 and gives 0.333: one stray prediction halves the number of a fold.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install audmetric==1.4.2 scikit-learn==1.9.1
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys, audmetric
from sklearn.metrics import balanced_accuracy_score
truth, prediction = [0, 0, 0], [0, 0, 1]
seen = (audmetric.unweighted_average_recall(truth, prediction), balanced_accuracy_score(truth, prediction))
print("audmetric, scikit-learn:", seen)
sys.exit(0 if abs(seen[0] - 1 / 3) < 1e-9 and abs(seen[1] - 2 / 3) < 1e-9 else 1)
PYTHON
