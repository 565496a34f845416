"""Makes the small .pth files beside this script. Run once with PyTorch 2.13 and numpy 2; the files are committed.

    python make_files.py
"""

import argparse
import datetime
import pickle
import struct
import zipfile
from collections import Counter, OrderedDict, defaultdict
from decimal import Decimal
from pathlib import PurePosixPath

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


# What people keep beside the weights. Nothing of it is a plain value.
class Settings(dict):  # as EasyDict, AttrDict
    pass


def numpy_values():
    import numpy as np
    return {"scalar": np.float64(0.5), "date": np.array(["2020-01-01"], dtype="datetime64[D]"), "half": np.float16(1.5),
            "random": np.random.RandomState(0).get_state()[0]}


net = torch.nn.Linear(3, 2)
optimizer = torch.optim.Adam(net.parameters())
net(torch.ones(1, 3)).sum().backward()
optimizer.step()
beside = {"net": linear(), "epoch": 7, "size": torch.Size([2]), "device": torch.device("cpu"), "dtype": torch.float32,
          "layout": torch.strided, "set": {1, 2}, "frozen": frozenset([1]), "counter": Counter("aab"), "complex": 1 + 2j,
          "big": 2**80, "args": argparse.Namespace(lr=1e-3), "log": defaultdict(list, a=[1]), "path": PurePosixPath("a/b"),
          "day": datetime.date(2020, 1, 1), "numpy": numpy_values(), "loss": torch.tensor(0.5), "rng_state": torch.arange(4, dtype=torch.uint8),
          "optimizer": optimizer.state_dict(), "bytes": bytearray(b"ab"), "number": Decimal("0.1"), "type": dict}
torch.save(beside, "beside.pth")
torch.save(beside, "beside_legacy.pth", _use_new_zipfile_serialization=False)
torch.save((linear(), optimizer.state_dict(), 3), "tuple.pth")
torch.save({"settings": Settings(x=1), "model": Settings(linear())}, "dict_subclass.pth")
torch.save({"model": linear(), "nested": {"ema": linear()}}, "several.pth")
unread = linear()
unread["sparse"] = torch.tensor([1.0, 0.0]).to_sparse()
unread["quantised"] = torch.quantize_per_tensor(torch.tensor([1.0, 2.0]), 0.5, 0, torch.qint8)
unread["complex"] = torch.tensor([1 + 2j])
unread["float8"] = torch.tensor([1.0]).to(torch.float8_e4m3fn)
unread["negated"] = torch.tensor([1 + 2j]).conj().imag
unread["meta"] = torch.empty(2, device="meta")
torch.save(unread, "unread.pth")
tagged = OrderedDict((name, torch.nn.Parameter(tensor)) for name, tensor in linear().items())
for parameter in tagged.values():
    parameter.tag = True
tagged["buffer"] = torch.tensor([3.0])
tagged["buffer"].tag = {"a": 1}
torch.save(tagged, "attributes.pth")
torch.save(OrderedDict([("whole", base.reshape(3, 4)), ("transposed", base.reshape(3, 4).t()), ("part", base[5:7]), ("empty", torch.empty(0, 3)),
                        ("half", torch.tensor([1.5], dtype=torch.float16)), ("count", torch.tensor(3))]),
           "legacy_views.pth", _use_new_zipfile_serialization=False)
torch.save(linear(), "legacy_protocol4.pth", _use_new_zipfile_serialization=False, pickle_protocol=4)


class Python2Pickler(pickle._Pickler):
    """Text as str of Python 2, and its OrderedDict: made of a list of pairs."""
    dispatch = dict(pickle._Pickler.dispatch)

    def save_str(self, text):
        data = text.encode()
        self.write(b"U" + bytes([len(data)]) + data)
        self.memoize(text)
    dispatch[str] = save_str

    def reducer_override(self, value):
        if isinstance(value, OrderedDict):
            return OrderedDict, ([[key, item] for key, item in value.items()],)
        return NotImplemented


# PyTorch 0.3 under Python 2: views of storages that were shared, tensors made by _rebuild_tensor, types of CUDA.
class Old:
    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return torch._utils._rebuild_tensor, self.arguments


class Stored:
    def __init__(self, view):
        self.view = view


def old_save(path):
    values = torch.arange(12, dtype=torch.float32)
    state = OrderedDict([("weight", Old(Stored(("5", 2, 6)), 0, (2, 3), (3, 1))), ("bias", Old(Stored(None), 10, (2,), (1,)))])

    class Pickler(Python2Pickler):
        def persistent_id(self, value):
            return ("storage", torch.cuda.FloatStorage, "7", "cuda:0", 12, value.view) if isinstance(value, Stored) else None

    with open(path, "wb") as file:
        for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True, "protocol_version": 1001}):
            Python2Pickler(file, 2).dump(value)
        Pickler(file, 2).dump(state)
        Python2Pickler(file, 2).dump(["7"])
        file.write(struct.pack("<q", 12) + values.numpy().tobytes())


old_save("legacy_python2.pth")
