"""Scores of a folder of videos, extracted and scored on the workers of a Ray cluster (pip install ray).

    python ray_videos.py VIDEOS RUN OUT [WORKERS]

OUT is a folder of `kuda data extract`, which all workers see. A clip that is extracted is never extracted again: where
a worker dies Ray starts another, which goes on with the part.
"""

import csv
import ctypes
import json
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy
import ray
from ray.util import ActorPool

import kuda


def extract(videos, out, part, parts, extractor):
    """Clips part, part + parts, ... (from 1); rows of their report."""
    subprocess.run(
        [sys.executable, "-c", "import kuda_program; kuda_program.main()", "data", "extract", videos, "--out", out,
         "--shard", f"{part}/{parts}", "--processes", "1", "--most-failures", "1", "--extractor", extractor],
        check=True, stdout=subprocess.DEVNULL,
        preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL),  # PR_SET_PDEATHSIG: it ends with its worker
    )
    name = "report.csv" if parts == 1 else f"report-{part}-of-{parts}.csv"
    with open(Path(out) / name, newline="") as file:
        return list(csv.DictReader(file))


def read_clip(path):
    """What was extracted of a clip as arguments of Predictor.score: a safetensors file."""
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    clip = {"text": json.loads(header.pop("__metadata__")["kuda_clip"])["transcript"] or None}
    for name, entry in header.items():
        begin, end = (8 + size + place for place in entry["data_offsets"])
        clip[name] = numpy.frombuffer(content[begin:end], numpy.float32).reshape(entry["shape"])
    return clip


def scores(predictor, videos, out, part, parts, extractor):
    inputs = predictor.facts["inputs"]
    for row in extract(videos, out, part, parts, extractor):
        if row["reason"]:
            yield {"id": row["id"], "score": None, "reason": row["reason"]}
            continue
        clip = read_clip(Path(out) / "clips" / f"{row['key']}.safetensors")
        clip = {name: value for name, value in clip.items() if inputs[name]}
        yield {"id": row["id"], "score": predictor.score(**clip).score, "reason": ""}


@ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=-1)
class Worker:
    def __init__(self, run):
        self.predictor = kuda.Predictor(run)  # once a worker

    def part(self, *arguments):
        return list(scores(self.predictor, *arguments))


def main(videos, run, out, workers=2, extractor="extractors/default", parts_of_worker=4):
    if not ray.is_initialized():
        ray.init(include_dashboard=False)
    videos, run, out, extractor = (str(Path(place).absolute()) for place in (videos, run, out, extractor))
    pool = ActorPool([Worker.remote(run) for _ in range(int(workers))])
    parts = int(workers) * parts_of_worker  # small parts: little is begun again
    numbers = range(1, parts + 1)
    done = pool.map_unordered(lambda worker, part: worker.part.remote(videos, out, part, parts, extractor), numbers)
    return sorted((row for rows in done for row in rows), key=lambda row: row["id"])


if __name__ == "__main__":
    for row in main(*sys.argv[1:5]):
        print(f"{row['id']}: {row['reason'] or format(row['score'], '+.3f')}")
