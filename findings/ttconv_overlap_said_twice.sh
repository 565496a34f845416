#!/usr/bin/env bash
# ttconv 1.2.3 (PyPI): two SRT cues that overlap, as when two people talk, are read and written again.
# Guess: the two cues come back, since cues of SRT and WebVTT may overlap.
# Seen: three cues, the middle one with both texts: every overlapped sentence stands there twice, and so do its words in the
# transcript.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install ttconv==1.2.3
"$work/venv/bin/python" - <<'PYTHON'
import io, sys
import ttconv.srt.reader, ttconv.srt.writer
cues = "1\n00:00:00,000 --> 00:00:03,000\nI love it\n\n2\n00:00:02,000 --> 00:00:05,000\nI do not\n"
written = ttconv.srt.writer.from_model(ttconv.srt.reader.to_model(io.StringIO(cues)))
print(written)
sys.exit(0 if (written.count("-->"), written.count("I love it"), written.count("I do not")) == (3, 2, 2) else 1)
PYTHON
