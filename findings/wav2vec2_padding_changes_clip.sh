#!/usr/bin/env bash
# transformers 5.24.0 (PyPI): Wav2Vec2FeatureExtractor, a clip of 1 s alone and in a batch with one of 10 s.
# Guess: its samples are the same in the batch, with zeros behind them; "mean 0 and deviation 1" is meant of the clip.
# Seen: they are three times as large, since mean and deviation are taken over the padding too, unless an attention mask is asked
# for: what a network hears of a clip depends on what it is batched with.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install transformers==5.24.0 numpy==2.4.6
"$work/venv/bin/python" - 2>/dev/null <<'PYTHON'
import sys, numpy as np
from transformers import Wav2Vec2FeatureExtractor
random, extract = np.random.default_rng(1), Wav2Vec2FeatureExtractor()
short, long = (0.1 * random.standard_normal(seconds * 16000).astype(np.float32) for seconds in (1, 10))
alone = extract(short, sampling_rate=16000)
batch = extract([short, long], sampling_rate=16000, padding=True)
masked = extract([short, long], sampling_rate=16000, padding=True, return_attention_mask=True)
seen = [round(float(np.std(made["input_values"][0][:16000])), 2) for made in (alone, batch, masked)]
print("standard deviation of that second alone, in a batch, in a batch with a mask:", seen)
sys.exit(0 if seen == [1.0, 3.16, 1.0] else 1)
PYTHON
