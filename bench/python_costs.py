"""What the Python package costs: its import beside torch's, a score beside the same work in C++, and its loader beside
MMSA's own on one file. Everything is made here; nothing needs a download but MMSA 2.2.1 (mmsa_compare.py says how).

    PYTHONPATH=build/release/python .venv/bin/python bench/python_costs.py [import] [score] [loader]
        [--encoder encoders/minilm] [--mmsa FOLDER] [--repeats N] [--clips 1368 456 457] [--work FOLDER]

What is compared is measured in turns (A B A B), each in a process of its own with one thread, and medians are printed.
On a machine that does other work too, look at processor seconds and at ratios.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

CHILD = """
import json, os, resource, sys, time

def processor():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

class Watch:
    def __init__(self):
        self.start, self.work = time.perf_counter(), processor()
    def read(self):
        return time.perf_counter() - self.start, processor() - self.work
"""

IMPORTS = """
watch = Watch()
import torch
alone, watch = watch.read(), Watch()
import kuda
names, watch = watch.read(), Watch()
import kuda.runs, kuda.nn, kuda.predictor
print(json.dumps([alone, names, watch.read()]))
"""
PICKLES = """
import numpy
watch = Watch()
import kuda
kuda.read_pickle
print(json.dumps(watch.read()))
"""

SCORE = """
import kuda
run, data, repeats = sys.argv[1:]
predictor, clips = kuda.Predictor(run), kuda.open(data)
row = clips[clips.rows("test")[0]]
clip = {"text": row["text"], "audio": row["audio"].numpy(), "vision": row["vision"].numpy()}
for _ in range(20):
    predictor.score(**clip)
whole, inside = [], []
for _ in range(int(repeats)):
    start = time.perf_counter()
    score = predictor.score(**clip)
    whole.append(time.perf_counter() - start)
    inside.append(score.seconds)
print(json.dumps([whole, inside]))
"""

LOADER = """
kind, file, workers, mmsa = sys.argv[1:]
import numpy, torch
if kind == "MMSA":
    import importlib.util
    spec = importlib.util.spec_from_file_location("data_loader", mmsa + "/data_loader.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    args = dict(dataset_name="sims", custom_feature=file, feature_T=None, feature_A=None, feature_V=None, batch_size=32,
                need_data_aligned=False, feature_dims=[0, 0, 0], seq_lens=[0, 0, 0])
    def open_loader():
        loaders = module.MMDataLoader(args, int(workers))
        return loaders, loaders["train"]
else:
    import kuda.nn
    def open_loader():
        session = kuda.Session("mult", file)
        return session, session.loader("train", batch_size=32, shuffle=True, num_workers=int(workers))

def memory():
    total = {}
    children = open(f"/proc/self/task/{os.getpid()}/children").read().split()
    for process in ("self", *children):
        for line in open(f"/proc/{process}/smaps_rollup").read().splitlines()[1:]:
            name, size = line.split()[:2]
            total[name[:-1]] = total.get(name[:-1], 0) + int(size) / 1024
    return total

before, watch = memory(), Watch()
kept, loader = open_loader()
batches = iter(loader)
next(batches)
first = watch.read()
for number, batch in enumerate(batches):
    if number == len(loader) // 2:
        inside = memory()
del batches
watch = Watch()
count = sum(1 for batch in loader)
epoch = watch.read()
peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024  # ru_maxrss is the parent's too
print(json.dumps(dict(first=first, epoch=epoch, batches=count, peak=peak, before=before["Pss"],
                      all=inside["Pss"] - before["Pss"], own=inside["Pss_Anon"] + inside["Pss_Shmem"]
                      - before["Pss_Anon"] - before["Pss_Shmem"])))
"""


def child(code, *words):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", CHILD + code, *map(str, words)], env=environment, capture_output=True,
                          text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def in_turns(makers, repeats):
    """Each maker once a round. The first round is not counted: it brings files into memory."""
    found = {name: [] for name in makers}
    for turn in range(repeats + 1):
        for name, make in makers.items():
            value = make()
            if turn > 0:
                found[name].append(value)
    return found


def measure_imports(repeats):
    found = in_turns({"import": lambda: child(IMPORTS), "pickles": lambda: child(PICKLES)}, repeats)
    stages = dict(zip(("torch", "then kuda, whose names load nothing", "then all of its library"), zip(*found["import"])))
    print(f"import, medians of {repeats}: ms, processor ms")
    for name, times in (stages | {"kuda.read_pickle beside numpy alone": found["pickles"]}).items():
        wall, work = (1000 * statistics.median(values) for values in zip(*times))
        print(f"  {name:38} {wall:7.0f} {work:7.0f}")


def measure_score(work, encoder, repeats):
    import kuda

    if not (work / "clips").exists():
        kuda.synthesize("mosi", train=12, valid=6, test=6).save(work / "clips")
    run = kuda.train(kuda.open(work / "clips"), "self_mm", encoder=encoder, out=work / "self_mm", train__epochs=1,
                     progress=None)
    whole, inside = child(SCORE, run.folder, work / "clips", 20 * repeats)
    shares = [100 * (a / b - 1) for a, b in zip(whole, inside)]
    print(f"\none clip of self_mm with {encoder}, medians of {len(whole)}: {1000 * statistics.median(inside):.2f} ms "
          f"in C++ (its batch), {1000 * statistics.median(whole):.2f} ms through Python: "
          f"{statistics.median(shares):+.1f} %, with the checks of the clip")


def measure_loader(work, mmsa, clips, workers, repeats):
    from mmsa_file import write

    file = work / "sims.pkl"
    if not file.exists():
        write(file, clips, (39, 400, 55), (768, 33, 709), scale=1.0, letters="TAV")
        child("import kuda; kuda.open(sys.argv[1]).save(sys.argv[2]); print(0)", file, work / "sims")
    kinds = {"MMSA": file, "kuda": file, "kuda, prepared folder": work / "sims"}
    makers = {kind: lambda kind=kind: child(LOADER, kind, kinds[kind], workers, mmsa) for kind in kinds}
    found, medians = in_turns(makers, repeats), {}
    for kind, values in found.items():
        times = {key: [statistics.median(v[key][n] for v in values) for n in (0, 1)] for key in ("first", "epoch")}
        medians[kind] = [*times["first"], *times["epoch"],
                         *(statistics.median(v[key] for v in values) for key in ("all", "own", "peak"))]
    size = file.stat().st_size / 2**20
    print(f"\nloader of a synthetic file with CH-SIMS' sizes ({size:.0f} MiB, {' + '.join(map(str, clips))} clips, "
          f"batches of 32, {workers} workers),\nmedians of {repeats}: first batch and an epoch in seconds and processor "
          "seconds; MiB beyond the imports, workers\nincluded (PSS), of that not from a file; most of the process at any "
          "time (RSS)\n")
    print("| loader | first | processor | epoch | processor | memory | own | most |\n| --- |" + " --- |" * 7)
    for kind, values in medians.items():
        print(f"| {kind} | " + " | ".join(f"{value:.2f}" for value in values[:4]) + " | "
              + " | ".join(f"{value:.0f}" for value in values[4:]) + " |")
        if kind != "MMSA":
            print("|   of MMSA's | " + " | ".join(f"{a / b:.3f}" for a, b in zip(values, medians["MMSA"])) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="import, score, loader (default: all)")
    parser.add_argument("--encoder", default="encoders/minilm")
    parser.add_argument("--mmsa", help="folder of MMSA's package (default: the installed one)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--clips", type=int, nargs=3, default=[1368, 456, 457])
    parser.add_argument("--work", help="folder for the files, which stay there (default: a temporary one)")
    options = parser.parse_args()
    what = options.what or ["import", "score", "loader"]
    with tempfile.TemporaryDirectory(prefix="python-costs-") as name:
        work = Path(options.work or name)
        work.mkdir(parents=True, exist_ok=True)
        if "import" in what:
            measure_imports(options.repeats)
        if "score" in what:
            measure_score(work, options.encoder, options.repeats)
        if "loader" in what:
            installed = importlib.util.find_spec("MMSA")
            mmsa = options.mmsa or (installed and installed.submodule_search_locations[0])
            if not mmsa:
                sys.exit("loader: MMSA is not installed (bench/mmsa_compare.py says how), and --mmsa names no folder")
            measure_loader(work, mmsa, options.clips, options.workers, options.repeats)


if __name__ == "__main__":
    main()
