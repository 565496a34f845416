"""Makes the .pth files beside this script from the golden cases of this repository, as published code saves its
weights. Run once with PyTorch 2.13; the files are committed.

    python make_files.py
"""

import json
import struct
from collections import OrderedDict
from pathlib import Path

import torch

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
TYPES = {"F32": torch.float32, "I64": torch.int64}


def weights(case):
    """weight/NAME of a golden case, in the order of the file."""
    content = (GOLDEN / (case + ".safetensors")).read_bytes()
    end = 8 + struct.unpack("<Q", content[:8])[0]
    state = OrderedDict()
    for key, entry in json.loads(content[8:end]).items():
        if key.startswith("weight/"):
            begin, stop = entry["data_offsets"]
            flat = torch.frombuffer(bytearray(content[end + begin:end + stop]), dtype=TYPES[entry["dtype"]])
            state[key.removeprefix("weight/")] = flat.reshape(entry["shape"])
    return state


def save(state, name):
    torch.save(state, Path(__file__).parent / name)


# The toolbox: every model is the member `Model` of one class.
save(OrderedDict(("Model." + name, value) for name, value in weights("tfn/base").items()), "tfn_mmsa.pth")
# A training state around it, as the code of ALMT and CubeMLP saves it, through DataParallel.
save({"epoch": 7, "state_dict": OrderedDict(("module." + name, value) for name, value in weights("lmf/base").items()),
      "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 0.001, "params": [0]}]}},
     "lmf_wrapped.pth")
# The authors' names, with the buffer that older transformers save.
state = OrderedDict((name.replace("bertmodel.model.", "text_enc.bertmodel."), value)
                    for name, value in weights("mmim/trajectory").items())
state["text_enc.bertmodel.embeddings.position_ids"] = torch.arange(8).unsqueeze(0)
save(state, "mmim_authors.pth")
# Stage 1 of KuDA: one file a modality.
save(weights("kuda/unipretrain_a"), "kuda_stage1_audio.pth")
