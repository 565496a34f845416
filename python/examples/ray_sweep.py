"""Models and seeds as runs on the workers of a Ray cluster (pip install ray). Run folders must lie where all see them.

    python ray_sweep.py DATA ENCODER OUT [MODELS] [SEEDS]

A run whose worker dies is begun again by Ray, and goes on from the state that it had saved.
"""

import sys
from pathlib import Path

import ray

import kuda


# One processor each; Ray sets OMP_NUM_THREADS to it, so runs have the bytes of `kuda train` with one thread.
@ray.remote(num_cpus=1, max_retries=3)
def run(data, model, out, **options):
    done = kuda.train(data, model, out=out, progress=None, **options)
    return {"model": model, "seed": options["seed"], "out": str(done.folder), **done.metrics["test"]}


def main(data, encoder, out, models=("lmf", "tfn"), seeds=(1111, 1112, 1113), **sets):
    if not ray.is_initialized():
        ray.init(include_dashboard=False)
    data, encoder, out = (Path(place).absolute() for place in (data, encoder, out))  # workers stand elsewhere
    waiting = [
        run.remote(data, model, out / f"{model}-{seed}", encoder=encoder, seed=seed, **sets)
        for model in models for seed in seeds
    ]
    rows = []
    while waiting:
        (done,), waiting = ray.wait(waiting)
        rows.append(ray.get(done))  # an error of kuda arrives with its type, message and hint
        print(f"{rows[-1]['model']} {rows[-1]['seed']}: MAE {rows[-1]['MAE']:.3f}", flush=True)
    return sorted(rows, key=lambda row: (row["model"], row["seed"]))


if __name__ == "__main__":
    lists = [words.split(",") for words in sys.argv[4:6]]
    main(*sys.argv[1:4], *lists[:1], *([int(seed) for seed in seeds] for seeds in lists[1:]))
