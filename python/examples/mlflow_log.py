"""A training in MLflow: options, a curve an epoch, the metrics and the run's own report.

    python mlflow_log.py DATA ENCODER OUT             # then: mlflow ui --backend-store-uri OUT/mlruns
"""

import os
import sys
from pathlib import Path

import mlflow

import kuda


def main(data, encoder, out, **sets):
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # a folder and no server; MLflow 3.17 wants to be asked
    mlflow.set_tracking_uri((Path(out) / "mlruns").resolve().as_uri())
    mlflow.set_experiment("kuda")
    with mlflow.start_run() as started:
        mlflow.log_params({"model": "lmf", **sets})

        def log(epoch):
            mlflow.log_metrics({name: epoch[name] for name in ("loss", "valid_mae")}, step=epoch["epoch"])

        run = kuda.train(data, "lmf", encoder=encoder, out=Path(out) / "lmf", on_epoch=log, progress=None, **sets)
        mlflow.log_metrics({f"test_{name}": value for name, value in run.metrics["test"].items() if value is not None})
        mlflow.log_artifact(str(run.folder / "metrics.json"))
    return run, started.info.run_id


if __name__ == "__main__":
    main(*sys.argv[1:4])
