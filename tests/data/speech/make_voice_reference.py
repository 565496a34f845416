"""A sentence by espeak-ng and what the published program of silero says of it (voice_activity.safetensors).

    espeak-ng -v en-us -w sentence.wav "I really love this film." && ffmpeg -i sentence.wav -ac 1 -ar 16000 -f s16le s.raw
    python make_voice_reference.py silero_vad.jit s.raw     # torch 2.13.0, safetensors; silero-vad 6.2.3
"""

import pathlib
import sys

import torch
from safetensors.torch import save_file

samples = torch.frombuffer(bytearray(pathlib.Path(sys.argv[2]).read_bytes()), dtype=torch.int16)
samples = torch.cat([torch.zeros(6000, dtype=torch.int16), samples, torch.zeros(4000, dtype=torch.int16)])
model = torch.jit.load(sys.argv[1]).eval()
sound = torch.nn.functional.pad(samples.float() / 32768, (0, -len(samples) % 512))
with torch.no_grad():
    found = [model(window[None], 16000).item() for window in sound.split(512)]
save_file({"sound": samples, "probabilities": torch.tensor(found)},
          pathlib.Path(__file__).parent / "voice_activity.safetensors", metadata={"torch": torch.__version__})
