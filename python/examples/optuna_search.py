"""A search over options with Optuna, which gives up on bad trials while they train.

    python optuna_search.py DATA ENCODER OUT [TRIALS]
"""

import sys
from pathlib import Path

import optuna

import kuda


def main(data, encoder, out, trials=10, **sets):
    data = kuda.open(data)

    def objective(trial):
        def prune(epoch):  # what it raises stops the run after its state is saved, and arrives here unchanged
            trial.report(epoch["valid_mae"], epoch["epoch"])
            if trial.should_prune():
                raise optuna.TrialPruned

        run = kuda.train(
            data, "lmf", encoder=encoder, out=Path(out) / str(trial.number), on_epoch=prune, progress=None,
            lmf__rank=trial.suggest_int("rank", 2, 8), train__lr=trial.suggest_float("lr", 1e-4, 1e-2, log=True), **sets,
        )
        return run.metrics["valid"]["MAE"]  # never the test split: it would choose the result that it reports

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1), pruner=optuna.pruners.MedianPruner())
    study.optimize(objective, n_trials=int(trials))
    print(study.best_params, study.best_value)
    return study


if __name__ == "__main__":
    main(*sys.argv[1:])
