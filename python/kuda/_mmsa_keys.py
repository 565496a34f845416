"""The configuration keys of MMSA 2.2.1 as those of kuda, checked against what its code reads (docs/python.md).

A key is one of three: it has a counterpart, or it changes nothing here (the data say it, or MMSA itself reads it
nowhere), or only the values that its models were made for are taken. Every other key and value is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import ConfigError

MODELS = ("tfn", "lmf", "mult", "misa", "self_mm", "mmim")
OTHER_MODELS = ("lf_dnn", "ef_lstm", "mfn", "graph_mfn", "mfm", "bert_mag", "mlf_dnn", "mtfn", "mlmf")
DATASETS = ("mosi", "mosei", "sims")

# Key of MMSA: key of kuda, several for a list of numbers in its order, or None for what changes nothing here. "" in a
# list: a number that MMSA reads nowhere.
_COMMON: dict[str, Any] = {
    "batch_size": "train.batch_size",
    "learning_rate": "train.lr",
    "early_stop": "train.early_stop",
    # The data say it: MMSA writes what it finds in the file over these.
    "seq_lens": None,
    "feature_dims": None,
    "train_samples": None,
    "need_data_aligned": None,
    "language": None,
    # Read by nothing that these six models use.
    "num_classes": None,
    "missing_rate": None,
    "missing_seed": None,
    "cur_seed": None,
    "weight_decay": None,
    "use_bert_finetune": None,
    "use_finetune": None,
    # Names of what runs and where: the calls in mmsa.py look at them.
    "model_name": None,
    "dataset_name": None,
    "featurePath": None,
    "custom_feature": None,
    "feature_T": None,
    "feature_A": None,
    "feature_V": None,
    "pretrained": None,
    "device": None,
    "model_save_path": None,
}
_KEYS: dict[str, dict[str, Any]] = {
    "tfn": {
        "hidden_dims": ("tfn.text_hidden", "tfn.audio_hidden", "tfn.vision_hidden"),
        "dropouts": ("tfn.dropout_audio", "tfn.dropout_vision", "tfn.dropout_text", "tfn.dropout_fusion"),
        "text_out": "tfn.text_out",
        "post_fusion_dim": "tfn.post_fusion",
    },
    "lmf": {
        "hidden_dims": ("lmf.text_hidden", "lmf.audio_hidden", "lmf.vision_hidden"),
        "dropouts": ("lmf.dropout_audio", "lmf.dropout_vision", "lmf.dropout_text", ""),
        "rank": "lmf.rank",
        "factor_lr": "lmf.factor_lr",
        "weight_decay": "train.weight_decay",
    },
    "mult": {
        "dst_feature_dim_nheads": ("mult.width", "mult.heads"),
        "nlevels": "mult.levels",
        "conv1d_kernel_size_l": "mult.kernel_text",
        "conv1d_kernel_size_a": "mult.kernel_audio",
        "conv1d_kernel_size_v": "mult.kernel_vision",
        "text_dropout": "mult.dropout_text",
        "attn_dropout": "mult.dropout_attention",
        "attn_dropout_a": "mult.dropout_attention_audio",
        "attn_dropout_v": "mult.dropout_attention_vision",
        "relu_dropout": "mult.dropout_relu",
        "embed_dropout": "mult.dropout_embedding",
        "res_dropout": "mult.dropout_residual",
        "output_dropout": "mult.dropout_output",
        "attn_mask": "mult.causal_mask",
        "use_bert": "mult.use_bert",
        "use_finetune": "mult.finetune_bert",
        "grad_clip": "train.clip_value",
        "patience": "train.patience",
        "update_epochs": "train.accumulate",
    },
    "misa": {
        "hidden_size": "misa.width",
        "rnncell": "misa.recurrent",
        "dropout": "misa.dropout",
        "diff_weight": "misa.diff_weight",
        "sim_weight": "misa.sim_weight",
        "recon_weight": "misa.recon_weight",
        "reverse_grad_weight": "misa.reverse_grad_weight",
        "use_finetune": "misa.finetune_bert",
        "grad_clip": "train.clip_value",
        "update_epochs": "train.accumulate",
        "sp_weight": None,
    },
    "self_mm": {
        "learning_rate_bert": "self_mm.lr_text",
        "learning_rate_audio": "self_mm.lr_audio",
        "learning_rate_video": "self_mm.lr_vision",
        "learning_rate_other": "self_mm.lr_other",
        "weight_decay_bert": "self_mm.decay_text",
        "weight_decay_audio": "self_mm.decay_audio",
        "weight_decay_video": "self_mm.decay_vision",
        "weight_decay_other": "self_mm.decay_other",
        "a_lstm_hidden_size": "self_mm.audio_hidden",
        "v_lstm_hidden_size": "self_mm.vision_hidden",
        "audio_out": "self_mm.audio_out",
        "video_out": "self_mm.vision_out",
        "a_lstm_dropout": "self_mm.dropout_audio_lstm",
        "v_lstm_dropout": "self_mm.dropout_vision_lstm",
        "post_fusion_dim": "self_mm.fusion_width",
        "post_text_dim": "self_mm.text_width",
        "post_audio_dim": "self_mm.audio_width",
        "post_video_dim": "self_mm.vision_width",
        "post_fusion_dropout": "self_mm.dropout_fusion",
        "post_text_dropout": "self_mm.dropout_text",
        "post_audio_dropout": "self_mm.dropout_audio",
        "post_video_dropout": "self_mm.dropout_vision",
        "H": "self_mm.label_limit",
        "excludeZero": "self_mm.exclude_zero",
        "use_finetune": "self_mm.finetune_text",
        "update_epochs": "train.accumulate",
        "need_data_aligned": "self_mm.lengths_of_text",
        "learning_rate": None,
        "text_out": None,  # the width of the text encoder, or MMSA fails
        "t_bert_dropout": None,
    },
    "mmim": {
        "d_ah": "mmim.audio_hidden",
        "d_vh": "mmim.vision_hidden",
        "d_aout": "mmim.audio_out",
        "d_vout": "mmim.vision_out",
        "d_prjh": "mmim.fusion_width",
        "n_layer": "mmim.layers",
        "bidirectional": "mmim.bidirectional",
        "dropout_a": "mmim.dropout_audio",
        "dropout_v": "mmim.dropout_vision",
        "dropout_prj": "mmim.dropout_fusion",
        "cpc_layers": "mmim.contrast_layers",
        "add_va": "mmim.vision_audio",
        "contrast": "mmim.contrast",
        "alpha": "mmim.alpha",
        "beta": "mmim.beta",
        "mem_size": "mmim.memory",
        "lr_bert": "mmim.lr_text",
        "lr_main": "mmim.lr_main",
        "lr_mmilb": "mmim.lr_bound",
        "weight_decay_bert": "mmim.decay_text",
        "weight_decay_main": "mmim.decay_main",
        "weight_decay_mmilb": "mmim.decay_bound",
        "grad_clip": "train.clip_norm",
        "when": "train.patience",
        "need_data_aligned": "mmim.lengths_of_text",
        "mmilb_last_activation": None,
        "learning_rate": None,
        "update_epochs": None,
    },
}
# By model ("" = each) and key: the values that are taken, and the key and value of kuda that one stands for.
_ONLY: dict[tuple[str, str], dict[Any, tuple[str, Any] | None]] = {
    ("", "KeyEval"): {"Loss": None},  # any other is maximised by MMSA, MAE too
    ("", "train_mode"): {"regression": None},
    ("", "transformers"): {"bert": None},
    ("", "need_model_aligned"): {False: None, None: None},
    ("", "data_missing"): {False: None, None: None},
    ("", "need_normalized"): {False: None, None: None},
    ("tfn", "need_normalized"): {True: None},
    ("lmf", "need_normalized"): {True: None},
    ("tfn", "use_bert"): {False: None, None: None},
    ("lmf", "use_bert"): {False: None, None: None},
    ("misa", "use_bert"): {True: None},
    ("self_mm", "use_bert"): {True: None},
    ("mmim", "use_bert"): {True: None},
    ("misa", "use_cmd_sim"): {True: ("misa.similarity", "cmd"), False: ("misa.similarity", "adversarial")},
    ("self_mm", "a_lstm_layers"): {1: None},
    ("self_mm", "v_lstm_layers"): {1: None},
    ("self_mm", "save_labels"): {False: None},
    ("mmim", "mmilb_mid_activation"): {"ReLU": ("mmim.bound_activation", "relu"),
                                       "Tanh": ("mmim.bound_activation", "tanh")},
    ("mmim", "cpc_activation"): {"Tanh": ("mmim.contrast_activation", "tanh"),
                                 "ReLU": ("mmim.contrast_activation", "relu")},
    ("mmim", "optim"): {"Adam": None},
    ("mmim", "use_finetune"): {True: None},
}


def reads_words(model: str, config: Mapping[str, Any]) -> bool:
    """Whether a model reads word pieces (text_bert in MMSA's files) and not text features."""
    return model in ("misa", "self_mm", "mmim") or bool(config.get("use_bert") or config.get("mult.use_bert"))


def _chosen(model: str, key: str, value: Any) -> tuple[str, Any] | None:
    choices = _ONLY.get((model, key)) or _ONLY[("", key)]
    if not isinstance(value, (str, int, float, type(None))) or value not in choices:
        raise ConfigError(f"{key}: expected {' or '.join(map(repr, choices))} for {model}, found {value!r}")
    return choices[value]


def translate(model: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Keys of MMSA's configuration as those of kuda; keys of kuda (with a dot) stay as they are.

    Raises ConfigError naming a key or value that has no counterpart.
    """
    known = {**_COMMON, **_KEYS[model]}
    made: dict[str, Any] = {}
    for key, value in config.items():
        if (model, key) in _ONLY or ("", key) in _ONLY:
            if pair := _chosen(model, key, value):
                made[pair[0]] = pair[1]
        elif "." in key or key == "model":
            made[key] = value
        elif key not in known:
            names = sorted({*known, *(name for owner, name in _ONLY if owner in ("", model))})
            raise ConfigError(f"{key}: MMSA's {model} has no such key that kuda knows", "known: " + ", ".join(names))
        elif isinstance(known[key], tuple):
            if not isinstance(value, (list, tuple)) or len(value) != len(known[key]):
                raise ConfigError(f"{key}: expected {len(known[key])} numbers, found {value!r}")
            made |= {name: part for name, part in zip(known[key], value) if name}
        elif known[key] == "train.clip_value" and value == -1:  # MMSA's word for no limit
            made["train.clip_value"] = 0.0
        elif known[key] is not None:
            made[known[key]] = value
    return made
