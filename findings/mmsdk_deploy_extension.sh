#!/usr/bin/env bash
# cmu-multimodal-sdk 0.0.6 (PyPI): deploy() with names of files.
# Guess: a name that ends with .csd is written as given, another gets the extension.
# Seen: "audio.csd" becomes audio.csd.csd, so a script that reads its own files back does not find them.
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

write("audio", ["abc"])
with contextlib.redirect_stdout(io.StringIO()):
    mmdataset({"audio": "audio.csd"}).deploy("out", {"audio": "audio.csd"})
print("written:", os.listdir("out"))
sys.exit(0 if os.listdir("out") == ["audio.csd.csd"] else 1)
PYTHON
