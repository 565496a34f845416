#!/usr/bin/env bash
# confidenceinterval 1.0.5 beside scikit-learn 1.9.1 (PyPI; metrics with intervals "with the standard scikit-learn interface"): F1,
# precision and recall of two classes.
# Guess: f1_score(truth, predicted) is F1 of the positive class, as in scikit-learn: 0.714.
# Seen: 0.6, and so are precision and recall: all three are averaged over the decisions ("micro"), which is the accuracy.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install numpy==2.4.6 scikit-learn==1.9.1 statsmodels==0.15.0 pandas==3.1.1
"$work/venv/bin/pip" -q install --no-deps confidenceinterval==1.0.5
"$work/venv/bin/python" - <<'PYTHON'
import sys, confidenceinterval, sklearn.metrics
truth, predicted = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 1, 0, 1, 1, 1, 0]
names = "f1_score", "precision_score", "recall_score"
seen = [round(float(getattr(confidenceinterval, name)(truth, predicted)[0]), 3) for name in names]
expected = [round(float(getattr(sklearn.metrics, name)(truth, predicted)), 3) for name in names]
print(names, "with intervals:", seen, " scikit-learn:", expected)
sys.exit(0 if seen == [0.6, 0.6, 0.6] and expected == [0.714, 0.625, 0.833] else 1)
PYTHON
