"""A model of your own in the same table as the others: same data, selection, seeds, intervals and tests.

    python own_model.py DATA ENCODER OUT
"""

import sys
from pathlib import Path

import torch

import kuda


@kuda.nn.register("mean_of_frames")
class MeanOfFrames(torch.nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.score = torch.nn.Linear(shape["width"]["audio"] + shape["width"]["vision"], 1)

    def forward(self, batch):
        def mean(sequence):  # over the frames that are not padding
            return (sequence.values * ~sequence.padding[..., None]).sum(1) / sequence.lengths[:, None]

        return self.score(torch.cat([mean(batch.audio), mean(batch.vision)], 1))


def main(data, encoder, out, **sets):
    data = kuda.open(data)
    runs = {
        name: kuda.train(data, name, encoder=encoder, out=Path(out) / name, progress=None, **sets)
        for name in ("mean_of_frames", "lmf")
    }
    print(kuda.compare(runs["mean_of_frames"], runs["lmf"], data))
    return runs


if __name__ == "__main__":
    main(*sys.argv[1:4])
