#!/usr/bin/env bash
# cmu-multimodal-sdk 0.0.6 (PyPI): unify() of sequences whose entries are numbered, as align() leaves them ("abc[0]").
# Guess: entries of a video that one of the sequences lacks are removed from all.
# Seen: "abc entry is not shared among all sequences, removing it ...", and nothing is removed: it looks for an entry "abc".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install cmu-multimodal-sdk==0.0.6 h5py==3.14.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON' 2>log
import contextlib, importlib.util, io, json, os, sys, types
import h5py, numpy as np
# The part with models, which wants torch, is not imported.
package = types.ModuleType("mmsdk")
package.__path__ = list(importlib.util.find_spec("mmsdk").submodule_search_locations)
sys.modules["mmsdk"] = package
from mmsdk.mmdatasdk import mmdataset

def write(name, videos):
    with h5py.File(name + ".csd", "w") as file:
        for video in videos:
            group = file.create_group(f"{name}/data/{video}")
            group["intervals"] = np.array([[0, 1], [1, 2]], "f4")
            group["features"] = np.ones((2, 3), "f4")
        for key in ("root name", "computational sequence description", "dimension names", "computational sequence version",
                    "alignment compatible", "dataset name", "dataset version", "creator", "contact",
                    "featureset bib citation", "dataset bib citation", "uuid", "md5"):
            value = json.dumps(name if key == "root name" else "")
            file.create_dataset(f"{name}/metadata/{key}", data=np.array([value], object), dtype=h5py.string_dtype())

write("audio", ["abc[0]", "xyz[0]"])
write("labels", ["xyz[0]"])
said = io.StringIO()
with contextlib.redirect_stdout(said):
    data = mmdataset({"audio": "audio.csd", "labels": "labels.csd"})
    data.unify()
kept = sorted(data["audio"].keys())
is_said = "abc entry is not shared among all sequences, removing it" in said.getvalue()
print("said that it removes abc:", is_said, " kept in audio:", kept)
sys.exit(0 if is_said and kept == ["abc[0]", "xyz[0]"] else 1)
PYTHON
