"""A small random Whisper as transformers writes it, and what transformers computes with it (answers.safetensors).

    python make_reference.py            # torch 2.13.0, transformers 5.24.0, numpy, safetensors

Sounds are made by whole numbers, so that C++ makes the same: sound(n)[i] = ((i * i) % 1009 - 504) / 1024.
"""

import json
import pathlib

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration
from transformers.models.whisper import generation_whisper

HERE = pathlib.Path(__file__).parent
PIECES = ["Ġone", "Ġtwo", "Ġthree", "Ġfour", "Ġfive", "Ġsix", "Ġseven", "Ġeight", "Ġnine", "Ġten", ",", ".", "ing", "ed",
          "Ġbl", "ue", "æĥ", "ħ", "ä½łå¥½", "Ġ", "<|endoftext|>"]
ADDED = ["<|startoftranscript|>", "<|en|>", "<|zh|>", "<|de|>", "<|translate|>", "<|transcribe|>", "<|startoflm|>",
         "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>", *(f"<|{0.02 * i:.2f}|>" for i in range(9))]
END, START, ENGLISH, TRANSCRIBE, NO_TIMESTAMPS = 20, 21, 22, 26, 30
SUPPRESSED, SUPPRESSED_FIRST, HEADS = [10, 27], [19, END], [[0, 1], [1, 0], [1, 1]]


def sound(length):
    i = np.arange(length, dtype=np.int64)
    return (((i * i) % 1009 - 504) / 1024).astype(np.float32)


def mel(bins, samples):
    extractor = WhisperFeatureExtractor(feature_size=bins, chunk_length=10)
    return torch.from_numpy(extractor(samples, sampling_rate=16000, return_tensors="np").input_features)


def write_folder(model):
    folder = HERE / "whisper"
    model.save_pretrained(folder)
    vocabulary = {piece: id for id, piece in enumerate(PIECES)}
    added = {piece: id + len(PIECES) for id, piece in enumerate(ADDED)}
    for name, content in [("vocab.json", vocabulary), ("added_tokens.json", added), ("generation_config.json", {
            "is_multilingual": True, "suppress_tokens": SUPPRESSED, "begin_suppress_tokens": SUPPRESSED_FIRST,
            "alignment_heads": HEADS})]:
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def greedy(model, states, steps):
    ids = [START, ENGLISH, TRANSCRIBE, NO_TIMESTAMPS]
    prompt = len(ids)
    while len(ids) < prompt + steps:
        logits = model(encoder_outputs=(states,), decoder_input_ids=torch.tensor([ids])).logits[0, -1]
        logits[SUPPRESSED + list(range(END + 1, len(logits)))] = -torch.inf
        if len(ids) == prompt:
            logits[SUPPRESSED_FIRST] = -torch.inf
        ids.append(int(logits.argmax()))
        if ids[-1] == END:
            break
    return ids[prompt:]


def row_times(weights):
    """As transformers' _extract_token_timestamps: [heads, rows, frames] -> the frame at which each row begins."""
    std, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    matrix = generation_whisper._median_filter((weights - mean) / std, 7).mean(dim=0)
    rows, columns = generation_whisper._dynamic_time_warping(-matrix.double().numpy())
    return torch.tensor([int(columns[list(rows).index(row)]) for row in range(weights.shape[1])])


@torch.no_grad()
def main():
    torch.manual_seed(20261130)
    config = WhisperConfig(
        vocab_size=len(PIECES) + len(ADDED), d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_source_positions=500,
        max_target_positions=64, init_std=0.4, pad_token_id=END, bos_token_id=END, eos_token_id=END,
        decoder_start_token_id=START, dropout=0.0, attn_implementation="eager")
    model = WhisperForConditionalGeneration(config).eval()
    for parameter in model.parameters():  # what float16 holds, so that such a file gives the same numbers
        parameter.copy_(parameter.half().float())
    write_folder(model)
    samples = sound(10 * 16000)
    heard = mel(80, samples)
    states = model.model.encoder(heard).last_hidden_state
    ids = [START, ENGLISH, TRANSCRIBE, NO_TIMESTAMPS, 3, 7, 1, 12, 16]
    out = model(encoder_outputs=(states,), decoder_input_ids=torch.tensor([ids]), output_attentions=True)
    attention = torch.stack([out.cross_attentions[layer][0, head] for layer, head in HEADS])
    random = torch.rand(3, 7, 60).softmax(-1)
    peaks = torch.zeros(2, 5, 40)
    for row, at in enumerate([3, 9, 17, 26, 33]):
        peaks[:, row, at - 2 : at + 3] = 6
    peaks = (peaks + torch.rand(2, 5, 40)).softmax(-1)
    save_file({
        "mel80": heard[0, :, ::25].contiguous(),
        "mel128": mel(128, samples)[0, :, ::25].contiguous(),
        "mel80_short": mel(80, samples[:47999])[0, :, ::25].contiguous(),  # three seconds and silence
        "states": states[0, ::10].contiguous(),
        "logits": out.logits[0].contiguous(),
        "attention": attention[:, -1].contiguous(),
        "greedy": torch.tensor(greedy(model, states, 40)),
        "language": model(encoder_outputs=(states,), decoder_input_ids=torch.tensor([[START]])).logits[0, -1, 22:25]
        .contiguous(),
        "random": random, "random_times": row_times(random), "peaks": peaks, "peaks_times": row_times(peaks),
    }, HERE / "answers.safetensors", metadata={"torch": torch.__version__})


if __name__ == "__main__":
    main()
