"""What MMSA 2.2.1 tries when it tunes (its config_tune.json): lists to draw from, and keys that stay."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

_DROPOUTS = [[0.3, 0.3, 0.3, 0.3], [0.2, 0.2, 0.2, 0.2], [0.4, 0.4, 0.4, 0.4], [0.3, 0.3, 0.3, 0.5]]
_RATES = [0.0005, 0.001, 0.002, 0.005]
_RATES_OF_PARTS = [0.0001, 0.001, 0.005]
_DECAYS = [0.001, 0.01]
_DECAYS_OF_PARTS = [0.0, 0.001, 0.0001]
_LIMITS = [0.6, 0.8, 1.0]
_WEIGHTS = [0.5, 0.8, 1.0]
_BATCHES = [32, 64, 128]
_NARROW = [16, 32]
_WIDE = [32, 64]
_TENTHS = [0.1, 0.2, 0.3, 0.4, 0.5]
_FROM_NONE = [0.0, *_TENTHS[:4]]

LISTS: dict[str, dict[str, list[Any]]] = {
    "tfn": {
        "hidden_dims": [[128, 16, 128], [64, 16, 64], [128, 32, 128], [64, 32, 64]],
        "text_out": [32, 64, 128, 256],
        "post_fusion_dim": [16, 32, 64, 128],
        "dropouts": _DROPOUTS,
        "batch_size": _BATCHES,
        "learning_rate": _RATES,
    },
    "lmf": {
        "hidden_dims": [[128, 16, 128], [64, 16, 64], [128, 32, 128], [256, 32, 256], [64, 32, 64]],
        "dropouts": [_DROPOUTS[3], *_DROPOUTS[:3]],
        "rank": [3, 4, 5, 6],
        "batch_size": _BATCHES,
        "learning_rate": _RATES,
        "factor_lr": [0.0001, 0.0005, 0.001],
        "weight_decay": [0.0, 0.0001, 0.001, 0.005],
    },
    "mult": {
        **{key: [0.0, 0.1, 0.2]
           for key in ("attn_dropout_a", "attn_dropout_v", "relu_dropout", "embed_dropout", "res_dropout")},
        "dst_feature_dim_nheads": [[30, 6], [30, 10], [32, 8], [36, 6], [40, 5], [40, 8], [40, 10], [50, 10]],
        "batch_size": [4, 8, 16],
        "learning_rate": _RATES,
        "nlevels": [2, 4, 6],
        **{f"conv1d_kernel_size_{letter}": [1, 3, 5] for letter in "lav"},
        **{key: _TENTHS for key in ("text_dropout", "attn_dropout", "output_dropout")},
        "grad_clip": _LIMITS,
        "patience": [5, 10, 20],
        "weight_decay": [0.0, 0.001, 0.005],
    },
    "misa": {
        "batch_size": [16, 32, 64],
        "learning_rate": [0.0001, 0.001, 0.0005],
        "hidden_size": [64, 128, 256],
        "dropout": [0.5, 0.2, 0.0],
        "reverse_grad_weight": _WEIGHTS,
        "diff_weight": [0.1, 0.3, 0.5],
        "sim_weight": _WEIGHTS,
        "sp_weight": [0.0, 1.0],
        "recon_weight": _WEIGHTS,
        "grad_clip": [-1.0, 0.8, 1.0],
        "weight_decay": [0.0, 5e-05, 0.002],
    },
    "self_mm": {
        "batch_size": _NARROW,
        "learning_rate_bert": [5e-05],
        **{f"learning_rate_{name}": _RATES_OF_PARTS for name in ("audio", "video")},
        "learning_rate_other": _RATES_OF_PARTS[:2],
        **{f"weight_decay_{name}": _DECAYS for name in ("bert", "other")},
        **{f"weight_decay_{name}": [0.0, *_DECAYS] for name in ("audio", "video")},
        "a_lstm_hidden_size": _NARROW,
        "v_lstm_hidden_size": _WIDE,
        "text_out": [768],
        "audio_out": [16],
        "video_out": [32],
        "a_lstm_dropout": [0.0],
        "v_lstm_dropout": [0.0],
        "t_bert_dropout": [0.1],
        "post_fusion_dim": [64, 128],
        "post_text_dim": _WIDE,
        **{f"post_{name}_dim": _NARROW for name in ("audio", "video")},
        **{f"post_{name}_dropout": [0.1, 0.0] for name in ("fusion", "text", "audio", "video")},
        "H": [3.0],
    },
    "mmim": {
        **{key: _FROM_NONE for key in ("dropout_a", "dropout_v", "dropout_prj")},
        **{key: [1, 2, 3, 4] for key in ("n_layer", "cpc_layers")},
        **{key: [16, 32, 64, 128] for key in ("d_vh", "d_ah", "d_vout", "d_aout")},
        "d_prjh": [64, 128, 256, 512],
        "batch_size": _NARROW,
        "grad_clip": _LIMITS,
        **{f"{key}_{name}": values
           for name in ("main", "bert", "mmilb")
           for key, values in (("lr", _RATES_OF_PARTS), ("weight_decay", _DECAYS_OF_PARTS))},
        "alpha": _FROM_NONE,
        "beta": _FROM_NONE,
    },
}
# MMSA keeps BERT as it is in both when it tunes. mmim of kuda always trains it.
STAY: dict[str, dict[str, Any]] = {"self_mm": {"use_finetune": False}}


def draw(lists: Mapping[str, Any], seed: int, trial: int) -> dict[str, Any]:
    """One of each list, by seed and number of the trial: the same call draws the same, where MMSA asks the clock."""
    source = random.Random(f"{seed} tune {trial}")
    return {key: source.choice(values) if isinstance(values, list) else values for key, values in lists.items()}
