"""The examples with a real Ray: two workers of this machine. Nothing here runs where Ray is not installed."""

import csv
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

import kuda

from conftest import SMALL
from test_examples import example

ray = pytest.importorskip("ray")
EXTRACTOR = Path(os.environ.get("KUDA_EXTRACTOR", Path(__file__).parents[2] / "extractors" / "default"))


@pytest.fixture(scope="module")
def cluster():
    """Two workers, which find kuda and the examples where this process does."""
    os.environ.setdefault("RAY_worker_niceness", "0")  # with Ray's 15 they starve beside other work
    places = os.pathsep.join([str(Path(kuda.__file__).parents[1]), str(Path(__file__).parents[1] / "examples")])
    ray.init(num_cpus=2, include_dashboard=False, logging_level="error", configure_logging=False,
             runtime_env={"env_vars": {"PYTHONPATH": places}})
    yield
    ray.shutdown()


def test_a_sweep_gives_the_runs_of_one_process(cluster, folder, data, run):
    sweep = example("ray_sweep")
    rows = sweep.main(folder / "clips", folder / "encoder", folder / "sweep", ["lmf"], [3, 4], **SMALL)
    assert [(row["model"], row["seed"]) for row in rows] == [("lmf", 3), ("lmf", 4)]
    for name in ("predictions.csv", "model/model.safetensors"):  # `run` is seed 3, trained in this process
        assert (folder / "sweep" / "lmf-3" / name).read_bytes() == (run.folder / name).read_bytes()


def test_errors_and_arrays_cross(cluster, data, run):
    @ray.remote
    class Scorer:
        def __init__(self, folder):
            self.predictor = kuda.Predictor(folder)

        def score(self, clip):
            assert not clip["audio"].flags.writeable  # it lies in the object store
            return self.predictor.score(**clip)

    clip = {"text": data.texts[0], "audio": data.audio.clip(0).numpy(), "vision": data.vision.clip(0).numpy()}
    scorer = Scorer.remote(run.folder)
    score = ray.get(scorer.score.remote(clip))
    mine = kuda.Predictor(run).score(**clip)
    assert (score.score, score.interval, score.unimodal) == (mine.score, mine.interval, mine.unimodal)
    with pytest.raises(kuda.ShapeError, match="another order|float64") as caught:
        ray.get(scorer.score.remote(clip | {"audio": clip["audio"].astype(float)}))
    assert caught.value.hint and isinstance(caught.value, ray.exceptions.RayTaskError)


def test_what_a_callback_raises_leaves_a_worker(cluster, folder):
    @ray.remote
    def broken():
        kuda.open("absent.pkl")

    with pytest.raises(kuda.MissingFileError, match="absent.pkl"):
        ray.get(broken.remote())


def make_videos(folder, count):
    """Tones of a second with labels, in the layout of MMSA-FET; the pictures show no face, and nobody speaks."""
    rows = []
    for number in range(count):
        place = folder / "Raw" / f"video{number % 3}" / f"{number}.mp4"
        place.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1",
             "-f", "lavfi", "-i", f"sine=frequency={200 + 40 * number}:duration=1", "-shortest", str(place)],
            check=True)
        rows.append({"video_id": f"video{number % 3}", "clip_id": number, "text": "a fine film",
                     "label": (number - count / 2) / count, "mode": ("train", "valid", "test")[number % 3]})
    with open(folder / "label.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.skipif(not EXTRACTOR.is_dir(), reason="scripts/setup.sh --extractor was not run")
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no program ffmpeg to make videos with")
def test_videos_on_two_workers_are_those_of_one_process(cluster, folder, tmp_path, program):
    videos = example("ray_videos")
    make_videos(tmp_path / "videos", 12)
    one = tmp_path / "one"
    videos.extract(str(tmp_path / "videos"), str(one), 1, 1, str(EXTRACTOR))
    program("data", "pack", one, tmp_path / "clips", "--family", "sims", "--language", "en")
    run = kuda.train(tmp_path / "clips", "lmf", encoder=folder / "encoder", out=tmp_path / "run", seed=1, progress=None,
                     modalities=["text", "audio"], train__epochs=1, train__batch_size=4)
    want = sorted(videos.scores(kuda.Predictor(run), str(tmp_path / "videos"), str(one), 1, 1, str(EXTRACTOR)),
                  key=lambda row: row["id"])
    assert len(want) == 12 and len({row["score"] for row in want}) == 12

    killed = []

    def kill_one():  # a worker, once it has extracted something
        while not list((tmp_path / "two" / "clips").glob("*.safetensors")):
            time.sleep(0.05)
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (process / "cmdline").read_bytes().startswith(b"ray::Worker") and not killed:
                    killed.append(int(process.name))
                    os.kill(killed[0], signal.SIGKILL)
            except OSError:
                pass

    thread = threading.Thread(target=kill_one)
    thread.start()
    got = videos.main(tmp_path / "videos", run, tmp_path / "two", workers=2, extractor=EXTRACTOR, parts_of_worker=3)
    thread.join()
    assert killed and got == want
    names = [sorted(path.name for path in (place / "clips").iterdir()) for place in (one, tmp_path / "two")]
    assert names[0] == names[1] and len(names[0]) == 12
