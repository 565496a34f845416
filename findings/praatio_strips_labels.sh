#!/usr/bin/env bash
# praatio 6.2.2 (PyPI): a TextGrid is opened and saved again without a change.
# Guess: labels come back as they were; spaces in a label carry meaning in some annotation schemes (a boundary without a word).
# Seen: spaces at both ends of a label are taken away on reading, so the saved file differs from the one that was opened.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install praatio==6.2.2
cd "$work"
cat >in.TextGrid <<'GRID'
File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 2
tiers? <exists>
size = 1
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 2
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 1
            text = "yes"
        intervals [2]:
            xmin = 1
            xmax = 2
            text = " no "
GRID
"$work/venv/bin/python" - <<'PYTHON'
import sys
from praatio import textgrid
grid = textgrid.openTextgrid("in.TextGrid", includeEmptyIntervals=True)
grid.save("out.TextGrid", "long_textgrid", includeBlankSpaces=True)
kept = '" no "' in open("out.TextGrid").read()
print("labels read:", [entry.label for entry in grid.getTier("words").entries], " kept in the file:", kept)
sys.exit(0 if not kept and grid.getTier("words").entries[1].label == "no" else 1)
PYTHON
