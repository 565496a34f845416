"""A training in Weights & Biases. Offline: nothing leaves the machine until `wandb sync OUT/wandb/offline-run-*`.

    python wandb_log.py DATA ENCODER OUT
"""

import sys
from pathlib import Path

import wandb

import kuda


def main(data, encoder, out, mode="offline", **sets):
    Path(out).mkdir(parents=True, exist_ok=True)
    with wandb.init(project="kuda", dir=out, mode=mode, config={"model": "lmf", **sets}) as session:

        def log(epoch):
            session.log({f"{epoch['task']}/{name}": epoch[name] for name in ("loss", "valid_mae")}, step=epoch["epoch"])

        run = kuda.train(data, "lmf", encoder=encoder, out=Path(out) / "lmf", on_epoch=log, progress=None, **sets)
        session.summary["test_mae"] = run.metrics["test"]["MAE"]
    return run


if __name__ == "__main__":
    main(*sys.argv[1:4])
