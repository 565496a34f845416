"""Makes the small .pth files beside this script. Run once with PyTorch 2.13; the files are committed.

    python make_files.py
"""

import zipfile
from collections import OrderedDict

import torch


def linear(prefix=""):
    return OrderedDict([
        (prefix + "weight", torch.arange(6, dtype=torch.float32).reshape(2, 3) / 4),
        (prefix + "bias", torch.tensor([-1.5, 2.0])),
    ])


module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
with torch.no_grad():
    module[0].weight.copy_(torch.arange(6, dtype=torch.float32).reshape(2, 3) / 4)
    module[0].bias.copy_(torch.tensor([-1.5, 2.0]))
torch.save(module.state_dict(), "state_dict.pth")  # OrderedDict with _metadata
torch.save(dict(linear()), "plain_dict.pth")
torch.save(linear("Model."), "prefixed.pth")
torch.save({"epoch": 3, "version": "1.0", "state_dict": linear(), "optimizer": {"state": {}, "param_groups": [{"lr": 0.1, "params": [0, 1]}]}},
           "nested_state_dict.pth")
torch.save({"model": linear(), "best": 0.25, "done": True}, "nested_model.pth")
torch.save({"weight": torch.nn.Parameter(torch.tensor([1.0, 2.0]))}, "parameter.pth")
types = OrderedDict()
for name in ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8"):
    types[name] = torch.tensor([0, 1, 100], dtype=getattr(torch, name))
types["bool"] = torch.tensor([True, False])
torch.save(types, "types.pth")
torch.save(OrderedDict([(name, torch.tensor([0, 1, 65535], dtype=getattr(torch, name))) for name in ("uint16", "uint32", "uint64")]),
           "unsigned.pth")
base = torch.arange(12, dtype=torch.float32)
torch.save(OrderedDict([("whole", base.reshape(3, 4)), ("transposed", base.reshape(3, 4).t()), ("part", base[5:7]),
                        ("scalar", torch.tensor(2.5)), ("empty", torch.empty(0, 3)), ("expanded", base[1:2].expand(4))]),
           "views.pth")
torch.save(linear(), "legacy.pth", _use_new_zipfile_serialization=False)
torch.save(module, "whole_module.pth")
torch.save({"weight": torch.tensor([1.0, 0.0]).to_sparse()}, "sparse.pth")
torch.save([torch.tensor([1.0])], "list.pth")
torch.jit.script(module).save("torchscript.pt")

# PyTorch 1.6 to 2.0 wrote no byteorder, alignment or serialisation id, and named the folder "archive".
with zipfile.ZipFile("plain_dict.pth") as new, zipfile.ZipFile("torch_1_6.pth", "w") as old:
    for name in new.namelist():
        folder, member = name.split("/", 1)
        if member == "data.pkl" or member == "version" or member.startswith("data/"):
            old.writestr(zipfile.ZipInfo("archive/" + member), new.read(name))

# The same packed again by an ordinary zip program: every member is deflated, "byteorder" too.
with zipfile.ZipFile("plain_dict.pth") as new, zipfile.ZipFile("deflated.pth", "w", zipfile.ZIP_DEFLATED) as packed:
    for name in new.namelist():
        packed.writestr(zipfile.ZipInfo(name), new.read(name), zipfile.ZIP_DEFLATED)
