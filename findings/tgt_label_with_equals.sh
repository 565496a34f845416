#!/usr/bin/env bash
# tgt 1.5 beside praatio 6.2.2 (PyPI): a label of a TextGrid in the long format that holds " = ".
# Guess: the label "valence = 2" is read as it stands, in both.
# Seen: tgt reads "valenc", without a message: the number of the annotation is gone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install tgt==1.5 praatio==6.2.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import sys, tgt
from praatio import textgrid
with open("clip.TextGrid", "w") as file:
    file.write("""File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 2
tiers? <exists>
size = 1
item []:
    item [1]:
        class = "IntervalTier"
        name = "ratings"
        xmin = 0
        xmax = 2
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 1
            text = "valence = 2"
        intervals [2]:
            xmin = 1
            xmax = 2
            text = "none"
""")
seen = ([interval.text for interval in tgt.read_textgrid("clip.TextGrid").tiers[0]],
        [entry.label for entry in textgrid.openTextgrid("clip.TextGrid", includeEmptyIntervals=False).tiers[0].entries])
print("tgt, praatio:", seen)
sys.exit(0 if seen == (["valenc", "none"], ["valence = 2", "none"]) else 1)
PYTHON
