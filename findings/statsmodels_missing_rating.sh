#!/usr/bin/env bash
# statsmodels 0.15.0 (PyPI): Fleiss' kappa of three raters, two clips of which lack the third rating.
# Guess: aggregate_raters leaves a missing rating (NaN) out, or says that it cannot.
# Seen: NaN becomes a category of its own, and two raters who missed the same clip agree about it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install statsmodels==0.15.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import sys, numpy as np
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa
ratings = np.array([[1, 1, 1], [2, 2, 2], [1, np.nan, np.nan], [2, np.nan, np.nan]])     # [clips, raters]
table, categories = aggregate_raters(ratings)
seen = (len(categories), round(float(fleiss_kappa(table)), 3))
print("categories:", categories.tolist(), " table:", table.tolist(), " kappa:", seen[1])
sys.exit(0 if seen[0] == 3 and np.isnan(categories[2]) and table[2:, 2].tolist() == [2, 2] else 1)
PYTHON
