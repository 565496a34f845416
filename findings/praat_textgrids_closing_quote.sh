#!/usr/bin/env bash
# praat-textgrids 1.4.0 beside tgt 1.5 (PyPI): a label that ends with a quotation, which Praat writes with doubled marks.
# Guess: text = "she said ""no""" reads as she said "no", in both.
# Seen: praat-textgrids reads she said ""no: the marks at the end are all taken away, and those inside stay doubled.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install praat-textgrids==1.4.0 tgt==1.5 numpy==2.4.6
cat > "$work/clip.TextGrid" <<'TEXTGRID'
File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0 
xmax = 1 
tiers? <exists> 
size = 1 
item []: 
    item [1]:
        class = "IntervalTier" 
        name = "words" 
        xmin = 0 
        xmax = 1 
        intervals: size = 1 
        intervals [1]:
            xmin = 0 
            xmax = 1 
            text = "she said ""no""" 
TEXTGRID
"$work/venv/bin/python" - "$work/clip.TextGrid" <<'PYTHON'
import sys, textgrids, tgt
seen = str(textgrids.TextGrid(sys.argv[1])["words"][0].text), tgt.read_textgrid(sys.argv[1]).tiers[0][0].text
print("praat-textgrids, tgt:", *seen, sep=" | ")
sys.exit(0 if seen == ('she said ""no', 'she said "no"') else 1)
PYTHON
