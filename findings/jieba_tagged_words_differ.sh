#!/usr/bin/env bash
# jieba 0.42.1 (PyPI): the words of jieba.cut and of jieba.posseg.cut for one sentence, both with their defaults.
# Guess: posseg gives the same words, each with its part of speech.
# Seen: 4 words against 5, since each guesses unknown words with a model of its own: tags joined by index slip by one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install jieba==0.42.1 setuptools==65.5.0
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys, jieba, jieba.posseg
jieba.setLogLevel(60)
sentence = "老师讲得非常清楚"                                    # the teacher explains very clearly
seen = (list(jieba.cut(sentence)), [pair.word for pair in jieba.posseg.cut(sentence)])
print("cut, posseg:", seen)
sys.exit(0 if seen == (["老师", "讲得", "非常", "清楚"], ["老师", "讲", "得", "非常", "清楚"]) else 1)
PYTHON
