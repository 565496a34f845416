#!/usr/bin/env bash
# permetrics 2.1.0 (PyPI): perfect predictions of ratings that hold a zero, and predictions that are all alike.
# Guess: MAPE of perfect predictions is 0, and Pearson's correlation with a constant is NaN or 0.
# Seen: 1.0 (an error of 100 %) and -1.0 (a perfect opposite): a fixed number stands for what could not be computed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install permetrics==2.1.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import sys, numpy as np
from permetrics.regression import RegressionMetric
truth = np.array([-2.0, 0.0, 1.0, 3.0])
seen = (float(RegressionMetric(truth, truth).MAPE()), float(RegressionMetric(truth, np.ones(4)).PCC()))
print("MAPE of perfect predictions, correlation with a constant:", seen)
sys.exit(0 if seen == (1.0, -1.0) else 1)
PYTHON
