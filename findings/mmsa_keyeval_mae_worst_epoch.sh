#!/usr/bin/env bash
# MMSA 2.2.1 (PyPI): the configuration key KeyEval, by which epochs are compared, set to MAE.
# Guess: the epoch with the lowest validation MAE is kept, as with KeyEval = Loss, or the value is refused.
# Seen: every value but Loss is maximised. The epoch with the highest MAE is kept, and training stops by it.
# MMSA does not start without a GPU, nor without a library for one; both are put right here and change no number.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install torch==2.13.0 numpy==2.4.6 pandas==3.1.1 scikit-learn==1.9.1 easydict==1.14 \
  tqdm==4.70.1 transformers==4.57.6
"$work/venv/bin/pip" -q install --no-deps MMSA==2.2.1
cd "$work"
TQDM_DISABLE=1 "$work/venv/bin/python" - <<'PYTHON'
import pickle, re, sys, types
sys.modules["pynvml"] = types.ModuleType("pynvml")
import numpy as np, torch
from MMSA import MMSA_run
torch.cuda.set_device = lambda device: None
random, data = np.random.default_rng(1), {}
for split, clips in (("train", 96), ("valid", 64), ("test", 64)):
    label = random.uniform(-3, 3, clips).astype(np.float32)
    part = {name: (random.standard_normal((clips, 8, 6)) + label[:, None, None]).astype(np.float32)
            for name in ("text", "audio", "vision")}
    data[split] = part | {"raw_text": ["x"] * clips, "id": list(range(clips)), "regression_labels": label,
                          "audio_lengths": [8] * clips, "vision_lengths": [8] * clips}
with open("features.pkl", "wb") as file:
    pickle.dump(data, file)
found = {}
for key in ("Loss", "MAE"):
    MMSA_run("tfn", "mosi", config={"KeyEval": key, "early_stop": 4}, seeds=[1], custom_feature="features.pkl",
             num_workers=0, verbose_level=0, model_save_dir=key, res_save_dir=key, log_dir=key)
    log = open(f"{key}/tfn-mosi.log").read()
    maes = [float(mae) for mae in re.findall(r"VAL-\(tfn\).* MAE: ([\d.]+)", log)]
    kept = len(maes) - 4  # it stops four epochs after the one that it keeps
    found[key] = maes[kept - 1], min(maes), max(maes)
    print(f"KeyEval {key}: {len(maes)} epochs, validation MAE {maes[0]:.3f} ... {maes[-1]:.3f}; "
          f"kept epoch {kept} with {maes[kept - 1]:.3f} (lowest {min(maes):.3f}, highest {max(maes):.3f})")
sys.exit(0 if found["Loss"][0] == found["Loss"][1] and found["MAE"][0] == found["MAE"][2] > found["MAE"][1] else 1)
PYTHON
