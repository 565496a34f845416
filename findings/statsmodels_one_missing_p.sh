#!/usr/bin/env bash
# statsmodels 0.15.0 (PyPI): p-values of five comparisons by Benjamini and Hochberg; one of them could not be computed (NaN).
# Guess: the missing one stays missing and the others are corrected, or an error says that it must go first.
# Seen: every corrected p is NaN, while the list of what is significant, from the same call, holds the other four: whoever compares
# p with 0.05 finds nothing, whoever reads the list finds four.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install statsmodels==0.15.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import sys, numpy as np
from statsmodels.stats.multitest import multipletests
significant, corrected = multipletests([0.001, 0.01, np.nan, 0.02, 0.04], method="fdr_bh")[:2]
print("significant:", significant.tolist(), " corrected:", corrected.tolist())
sys.exit(0 if np.isnan(corrected).all() and significant.tolist() == [True, True, False, True, True] else 1)
PYTHON
