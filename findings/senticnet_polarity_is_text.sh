#!/usr/bin/env bash
# senticnet 1.6 (PyPI; a lexicon of concept polarities): the type of a polarity value.
# Guess: polarity_value("love") is a number, so that values sort and compare as numbers.
# Seen: it is the string '0.83': a sum raises, and words sort by their digits, negative ones among the positive.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install senticnet==1.6
"$work/venv/bin/python" - <<'PYTHON'
import sys
from senticnet.senticnet import SenticNet
value = SenticNet().polarity_value("love")
print(repr(value))
sys.exit(0 if isinstance(value, str) else 1)
PYTHON
