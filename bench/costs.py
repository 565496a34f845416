#!/usr/bin/env python3
"""What one run of each system costs with the preset of a data set: time an epoch and a seed, memory.

    python3 bench/costs.py --like sims --threads 2

runs kuda_bench once for each system on synthetic clips of the published sizes with a BERT-base of random weights, and
prints a table in Markdown. Steps are measured; epochs and seeds are computed from them, the number of clips and the
preset's epochs, which is the most where a run may stop early. Several minutes for a data set.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
SYSTEMS = ["tfn", "lmf", "mult", "misa", "self_mm", "cubemlp", "tmbl", "mmim", "bbfn", "cenet", "tetfn", "almt", "kuda"]
CLIPS = {"sims": (1368, 456), "simsv2": (2722, 647), "mosi": (1284, 229), "mosei": (16326, 1871)}  # train, valid
SCORE = "score/32"


def preset(build, system, like):
    """The configuration of a run, every key of it."""
    command = [build / "src/kuda/apps/kuda", "config", "-c", ROOT / "configs" / f"{system}_{like}.toml"]
    return tomllib.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(build, system, like, batch, arguments):
    """kuda_bench's result for the steps and for scoring."""
    with tempfile.TemporaryDirectory() as folder:
        result = pathlib.Path(folder) / "result.json"
        subprocess.run([build / "bench/kuda_bench", "--like", like, "--encoder", arguments.encoder, "--config",
                        ROOT / "configs" / f"{system}_{like}.toml", "--batch", str(batch), "--cases",
                        f"^(stage1/.*/step|stage2/step|{SCORE})$", "--threads", str(arguments.threads), "--repeats",
                        str(arguments.repeats), "--json", result], check=True, stdout=subprocess.DEVNULL)
        return json.loads(result.read_text())


def row(build, system, like, arguments):
    """Cells of the table, and the hours of a seed."""
    config = preset(build, system, like)
    result = measure(build, system, like, config["train"]["batch_size"], arguments)
    cases = {case["name"]: case for case in result["cases"]}
    train, valid = CLIPS[like]
    scoring = valid * cases[SCORE]["median_s"] / cases[SCORE]["clips"]

    def epoch(name):
        return train * cases[name]["median_s"] / cases[name]["clips"] + scoring

    seconds = config["train"]["epochs"] * epoch("stage2/step")
    for name in cases:
        if name.startswith("stage1/"):
            options = config["pretrain"]
            seconds += (options["epochs"] or options["epochs_" + name.split("/")[1]]) * epoch(name)
    step = cases["stage2/step"]
    may_stop = "at most " if config["train"]["early_stop"] > 0 else ""
    return [system, f"{step['median_s']:.1f} s of {step['clips']} clips", f"{epoch('stage2/step') / 60:.1f} min",
            f"{may_stop}{config['train']['epochs']}", f"{may_stop}{seconds / 3600:.0f} h",
            f"{result['process_peak_mib'] / 1024:.1f} GB"], seconds / 3600


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--like", choices=CLIPS, default="sims")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS)
    parser.add_argument("--encoder", default="bert-base", help="folder, or bert-base: that size, random weights")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    print("| system | step | epoch | epochs | seed | memory |\n| --- | --- | --- | --- | --- | --- |")
    total = 0
    for number, system in enumerate(arguments.systems, 1):
        print(f"{number}/{len(arguments.systems)} {system}", file=sys.stderr)
        cells, hours = row(arguments.build.resolve(), system, arguments.like, arguments)
        total += hours
        print("| " + " | ".join(cells) + " |", flush=True)
    print(f"\n{arguments.like}: at most {total:.0f} h for one seed of all of these")


if __name__ == "__main__":
    main()
