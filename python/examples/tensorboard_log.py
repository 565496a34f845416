"""The epochs of a training in TensorBoard, while it runs.

    python tensorboard_log.py DATA ENCODER OUT        # then: tensorboard --logdir OUT
"""

import sys
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

import kuda


def main(data, encoder, out, **sets):
    with SummaryWriter(Path(out) / "lmf") as writer:

        def log(epoch):
            for name in ("loss", "valid_mae", "valid_corr"):
                if epoch[name] is not None:
                    writer.add_scalar(f"{epoch['task']}/{name}", epoch[name], epoch["epoch"])

        return kuda.train(data, "lmf", encoder=encoder, out=Path(out) / "lmf", on_epoch=log, progress=None, **sets)


if __name__ == "__main__":
    main(*sys.argv[1:4])
