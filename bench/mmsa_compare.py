"""kuda.mmsa beside the real MMSA 2.2.1, on one small synthetic feature file, for the six models that both have.

    python3 -m venv /tmp/with-mmsa                                             # torch and numpy: those of kuda's .venv
    echo "$PWD/.venv/lib/python3.11/site-packages" > /tmp/with-mmsa/lib/python3.11/site-packages/kuda.pth
    /tmp/with-mmsa/bin/pip install --no-deps MMSA==2.2.1
    /tmp/with-mmsa/bin/pip install 'transformers<5' pandas scikit-learn easydict tqdm
    PYTHONPATH=build/release/python /tmp/with-mmsa/bin/python bench/mmsa_compare.py [--models lmf,misa] [--seeds 3]

Checked for each model, exit code 1 where one is not so:
  files    both write the same files, and the table has the same columns; every cell is a pair of numbers
  weights  the .pth of kuda has the names and shapes of MMSA's, and MMSA's own model with them has the test results that
           kuda returned, to the fourth decimal
  spread   mean MAE and Corr of the seeds do not differ by Student's t at 1 %, with which three seeds see 4.6 standard
           errors and five 3.4: only a large difference fails, so look at the numbers too
And once: keys and values of MMSA's own configuration files give the settings that kuda begins with.

MMSA does not run as it is, so three things are put right around it, none of which changes a number: a machine without
a GPU (torch.cuda.set_device raises), torch 2.7 and later (ReduceLROnPlateau has no `verbose` any more, so MulT and MMIM
raise TypeError), and pynvml, which is only asked where there is a GPU.
"""

import argparse
import csv
import logging
import math
import os
import re
import statistics
import sys
import tempfile
import time
import types
from pathlib import Path

os.environ.update(TQDM_DISABLE="1", HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
sys.modules.setdefault("pynvml", types.ModuleType("pynvml"))

import MMSA  # noqa: E402
import MMSA.config  # noqa: E402
import torch  # noqa: E402
from MMSA.data_loader import MMDataLoader  # noqa: E402
from MMSA.models import AMIO  # noqa: E402
from MMSA.trains import ATIO  # noqa: E402

import kuda.mmsa  # noqa: E402
from kuda import _mmsa_tune  # noqa: E402
from mmsa_file import write, write_encoder  # noqa: E402

CLIPS, LENGTHS, WIDTHS = (128, 48, 64), (20, 30, 25), (16, 6, 8)
COMMON = {"train_samples": CLIPS[0], "batch_size": 16, "early_stop": 4}
STUDENT = {2: 9.92, 3: 4.60, 4: 3.71, 5: 3.36}  # two-sided 1 %, of 2 n - 2 degrees of freedom
CONFIGS = {
    "tfn": {"hidden_dims": [16, 8, 16], "text_out": 8, "post_fusion_dim": 16},
    "lmf": {"hidden_dims": [16, 8, 16]},
    "mult": {"dst_feature_dim_nheads": [20, 4], "nlevels": 2, "update_epochs": 2},
    "misa": {"hidden_size": 32, "learning_rate": 0.0005},
    "self_mm": {"update_epochs": 2},
    "mmim": {"batch_size": 32},
}


def make_mmsa_run():
    torch.cuda.set_device = lambda device: None
    for name in ("MULT", "MMIM"):
        module = sys.modules[f"MMSA.trains.singleTask.{name}"]
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau
        module.ReduceLROnPlateau = lambda *args, verbose=None, plateau=plateau, **options: plateau(*args, **options)


def places(folder):
    return {f"{name}_dir": folder / name for name in ("model_save", "res_save", "log")}


def call(run, model, file, config, seeds, folder):
    """Seconds, and what the call returned."""
    for handler in list(logging.getLogger("MMSA").handlers):  # MMSA adds more with every call
        logging.getLogger("MMSA").removeHandler(handler)
    start = time.perf_counter()
    returned = run(model, "mosi", config=dict(config), seeds=list(seeds), custom_feature=str(file), gpu_ids=[0],
                   num_workers=0, verbose_level=0, **places(folder))
    return time.perf_counter() - start, returned


def results_in(log):
    """What MMSA's log says of each seed; MMSA_run itself returns nothing."""
    found = []
    for line in log.read_text().splitlines():
        if "Result for seed" in line:
            found.append({name: float(value) for name, value in
                          re.findall(r"'(\w+)': (?:np\.float64\()?(-?[\d.]+|nan)", line.split("Result for seed")[1])})
    return found


def table_of(folder):
    with (folder / "res_save" / "normal" / "mosi.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    number = r"(?:np\.float64\()?(-?[\d.]+|nan)\)?"
    pairs = {key: bool(re.fullmatch(rf"\({number}, {number}\)", cell)) for key, cell in rows[-1].items()}
    return list(rows[-1]), pairs


def files_of(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def weights_check(model, file, config, folders, returned):
    """Problems with the weights that kuda wrote for its last seed."""
    ours, theirs = (torch.load(folder / "model_save" / f"{model}-mosi.pth", weights_only=True) for folder in folders)
    shapes = [{name: tuple(value.shape) for name, value in state.items()} for state in (ours, theirs)]
    problems = [f"{name}: kuda {shapes[0].get(name)}, MMSA {shapes[1].get(name)}"
                for name in sorted({*shapes[0], *shapes[1]}) if shapes[0].get(name) != shapes[1].get(name)]
    args = MMSA.get_config_regression(model, "mosi")
    args.update(config)
    args.update(device=torch.device("cpu"), train_mode="regression", custom_feature=str(file), feature_T=None,
                feature_A=None, feature_V=None, cur_seed=1)
    loaders = MMDataLoader(args, 0)
    network = AMIO(args)
    trainer = ATIO().getTrain(args)
    network.load_state_dict(ours, strict=not problems)
    trainer.model = network  # mmim asks for it
    found = trainer.do_test(network, loaders["test"], mode="TEST")
    for name, value in found.items():
        if not abs(value - returned[name]) < 1.5e-4:  # both are rounded to the fourth decimal
            problems.append(f"{name}: kuda {returned[name]}, MMSA with kuda's weights {value}")
    return problems


def spread_check(ours, theirs):
    """Of MAE and Corr: means, and their difference in standard errors."""
    found = {}
    for name in ("MAE", "Corr"):
        a, b = [row[name] for row in ours], [row[name] for row in theirs]
        error = math.sqrt((statistics.variance(a) + statistics.variance(b)) / len(a)) or 1e-4
        found[name] = statistics.fmean(a), statistics.fmean(b), (statistics.fmean(a) - statistics.fmean(b)) / error
    return found


def whole(settings):
    """Lines of the whole configuration, defaults included."""
    sets = {key.replace(".", "__"): value for key, value in settings.items() if key != "model"}
    return kuda.config(settings["model"], **sets).splitlines()


def config_check():
    """MMSA's own configuration files, translated, against what kuda begins with and draws from."""
    problems, keys = [], 0
    for model in kuda.mmsa.MODELS:
        for dataset in kuda.mmsa.DATASETS:
            settings = kuda.mmsa.get_config_regression(model, dataset)
            published = dict(MMSA.get_config_regression(model, dataset))
            ours, theirs = whole(settings), whole(settings | kuda.mmsa.translate(model, published))
            problems += [f"{model} {dataset}: kuda {a}, MMSA {b}" for a, b in zip(ours, theirs) if a != b]
            keys += len(published)
        tune = dict(MMSA.config.get_config_tune(model, "mosi", random_choice=False))
        for key in tune["d_paras"]:
            lists = tune[key] if isinstance(tune[key], list) else [tune[key]]
            if _mmsa_tune.LISTS[model].get(key) != lists:
                problems.append(f"{model} {key}: kuda draws {_mmsa_tune.LISTS[model].get(key)}, MMSA {lists}")
            keys += 1
        if list(_mmsa_tune.LISTS[model]) != tune["d_paras"]:
            problems.append(f"{model}: columns of the tuning table: {tune['d_paras']}")
    return keys, problems


def compare(model, work, count):
    """Prints the row of a model, and on stderr what is not as it should be. Returns whether anything is."""
    config = COMMON | CONFIGS[model]
    if model in ("misa", "self_mm", "mmim"):
        config["pretrained"] = str(work / "encoder")
    seeds, file = range(1111, 1111 + count), work / "features.pkl"
    folders = work / f"{model}-kuda", work / f"{model}-mmsa"
    ours_seconds, ours = call(kuda.mmsa.MMSA_run, model, file, config, seeds, folders[0])
    theirs_seconds, _ = call(MMSA.MMSA_run, model, file, config, seeds, folders[1])
    theirs = results_in(folders[1] / "log" / f"{model}-mosi.log")[-count:]
    problems, files, tables = [], [files_of(folder) for folder in folders], [table_of(folder) for folder in folders]
    if files[0] != files[1]:
        problems.append(f"files: kuda {files[0]}, MMSA {files[1]}")
    if tables[0] != tables[1] or [key for key, fits in tables[0][1].items() if not fits] != ["Model"]:
        problems.append(f"table: kuda {tables[0]}, MMSA {tables[1]}")
    are_files_equal = not problems
    wrong = weights_check(model, file, config, folders, ours[-1])
    spread = spread_check(ours, theirs)
    most = STUDENT[min(count, max(STUDENT))]
    far = [f"{name}: {errors:+.1f} standard errors" for name, (_, _, errors) in spread.items() if not abs(errors) < most]
    cells = " | ".join(f"{a:.3f} / {b:.3f} ({errors:+.1f})" for a, b, errors in spread.values())
    print(f"| {model} | {'equal' if are_files_equal else 'DIFFER'} | {'DIFFER' if wrong else 'equal'} | {cells} | "
          f"{ours_seconds:.0f} / {theirs_seconds:.0f} |", flush=True)
    for problem in (problems := problems + wrong + far):
        print(f"  {model}: {problem}", file=sys.stderr)
    return bool(problems)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(kuda.mmsa.MODELS))
    parser.add_argument("--seeds", type=int, default=3, help="at least 2 (default: 3)")
    options = parser.parse_args()
    make_mmsa_run()
    keys, problems = config_check()
    print(f"{keys} keys of MMSA's configuration files, " + (f"{len(problems)} differ" if problems else "none differs"))
    print(*problems, sep="\n")
    failed = bool(problems)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread(s); clips {CLIPS}, {options.seeds} seeds")
    print("kuda / MMSA, their difference in standard errors; seconds of the call\n")
    print("| model | files | weights | MAE | Corr | seconds |\n| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="mmsa-compare-") as name:
        work = Path(name)
        write(work / "features.pkl", CLIPS, LENGTHS, WIDTHS)
        (work / "encoder").mkdir()
        write_encoder(work / "encoder")
        for model in options.models.split(","):
            failed |= compare(model, work, options.seeds)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
