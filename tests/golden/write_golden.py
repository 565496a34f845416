"""Writes a golden file: what a torch module computes, so that golden_check can compare the C++ model with it.

    from write_golden import write_golden
    write_golden(
        "tests/data/golden/lmf/base.safetensors", module,
        inputs={"text": text, "audio": audio, "vision": vision, "labels": labels},  # stored as in/NAME
        forward=lambda module, x: {"M": module(x["text"], x["audio"], x["vision"])},  # stored as out/NAME
        loss=lambda outputs, x: (outputs["M"] - x["labels"]).abs().mean(),            # stored as out/loss
        optimizer=lambda module: torch.optim.Adam(module.parameters(), lr=5e-4),      # stored as step/NAME
        config={"rank": 4, "learning_rate": 5e-4},     # every hyper-parameter that the C++ check has to set
        reference="github OWNER/REPOSITORY commit 0123abc")

The file then holds
    weight/NAME     parameters and buffers before anything ran, under the names of module.state_dict()
    in/NAME         the inputs
    out/NAME        outputs in eval mode; out/train/NAME the same in training mode; out/loss that of training mode
    grad/NAME       gradients of out/loss; a parameter without one is not listed
    step/NAME       the state after one step of the optimiser
and, as metadata, config, reference, notes and fp64_diff: how far each tensor is from the same computation in float64.
golden_check allows the larger of 1e-5 and ten times that distance.

Every dropout of the module must be 0. Two runs from the same weights must give the same bytes, else nothing is written.
Inputs of the layout that tests/golden/system_case.h reads (text, audio, vision, labels) need no code there.

    python tests/golden/write_golden.py FILE       writes the file of a small module, as a trial of this script
"""

import copy
import ctypes
import json
import os
import struct
import sys

import torch

TYPES = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64", torch.int32: "I32", torch.bool: "BOOL"}


def compute(module, inputs, forward, loss, optimizer, dtype):
    """All tensors of a golden file but the weights and the inputs, by key. The module given is left as it was."""
    module = copy.deepcopy(module).to(dtype)
    x = {name: value.to(dtype) if value.is_floating_point() else value for name, value in inputs.items()}
    found = {}
    module.eval()
    with torch.no_grad():
        for name, value in forward(module, x).items():
            found["out/" + name] = value
    module.train()
    outputs = forward(module, x)
    for name, value in outputs.items():
        found["out/train/" + name] = value
    total = loss(outputs, x)
    found["out/loss"] = total
    total.backward()
    for name, parameter in module.named_parameters():
        if parameter.grad is not None:
            found["grad/" + name] = parameter.grad.clone()
    if optimizer is not None:
        optimizer(module).step()
        for name, value in module.state_dict().items():
            found["step/" + name] = value
    return {key: value.detach().clone() for key, value in found.items()}


def write_safetensors(path, tensors, metadata):
    """The safetensors layout: length of the header, header, bytes. Written beside and renamed."""
    header, blocks, begin = {"__metadata__": metadata}, [], 0
    for key in sorted(tensors):
        value = tensors[key].contiguous()
        block = ctypes.string_at(value.data_ptr(), value.numel() * value.element_size())  # needs no numpy
        header[key] = {"dtype": TYPES[value.dtype], "shape": list(value.shape), "data_offsets": [begin, begin + len(block)]}
        blocks.append(block)
        begin += len(block)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".tmp", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blocks))
    os.replace(path + ".tmp", path)


def write_golden(path, module, inputs, forward, loss, config, reference, optimizer=None, notes="", name=None):
    torch.set_num_threads(1)
    module = module.float()
    for child in module.modules():
        rate = getattr(child, "p", 0) if "Dropout" in type(child).__name__ else getattr(child, "dropout", 0)
        if isinstance(rate, float) and rate > 0:
            raise ValueError(f"{type(child).__name__}: dropout {rate}, but no two implementations draw the same mask")
    first = compute(module, inputs, forward, loss, optimizer, torch.float32)
    again = compute(module, inputs, forward, loss, optimizer, torch.float32)
    exact = compute(module, inputs, forward, loss, optimizer, torch.float64)
    for key, value in first.items():
        if not torch.equal(value, again[key]):
            raise ValueError(f"{key}: two runs from the same weights differ")
        if not value.isfinite().all():
            raise ValueError(f"{key}: not finite")
    distance = {key: float(f"{(value - exact[key]).abs().max():.2e}") for key, value in first.items() if value.numel()}
    tensors = {"weight/" + key: value.detach().clone() for key, value in module.state_dict().items()}
    tensors.update({"in/" + key: value for key, value in inputs.items()})
    tensors.update(first)
    folder = os.path.basename(os.path.dirname(os.path.abspath(path)))
    write_safetensors(path, tensors, {
        "name": name or folder,
        "kind": "case",
        "reference": reference,
        "config": json.dumps(config),
        "notes": f"float32, one CPU thread, torch {torch.__version__}, every dropout 0. {notes}".strip(),
        "fp64_diff": json.dumps(distance),
    })
    print(f"{path}: {len(tensors)} tensors, largest distance from float64 {max(distance.values()):.1e}")


def main(path):
    """A trial: the module of docs/add-a-model.md."""
    torch.manual_seed(1)
    module = torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    inputs = {"text": torch.randn(3, 6), "labels": torch.randn(3)}
    write_golden(path, module, inputs, forward=lambda m, x: {"M": m(x["text"])},
                 loss=lambda outputs, x: (outputs["M"].squeeze(1) - x["labels"]).abs().mean(),
                 optimizer=lambda m: torch.optim.Adam(m.parameters(), lr=1e-3),
                 config={"hidden": 4, "learning_rate": 1e-3}, reference="write_golden.py, a trial")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
