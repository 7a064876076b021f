"""Text to sound, from reading to samples: compact Tacotron 2 with small HiFi-GANs, and the base voice if it is here.

    python bench/speak.py [--threads 2] [--json FILE]

The networks of random weights never stop by themselves: a sentence of theirs has 1,000 frames, 11.6 s.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import Call, Case, main, parser
from speech import models
from speech.checkpoint import Checkpoint, Header, open_any
from speech.config import AudioConfig, TextConfig
from speech.header import read_header
from speech.heap import keep_freed_memory
from speech.products import int8_range
from speech.synthesizer import MAX_FRAMES, Synthesizer, join
from speech.text.symbols import SYMBOLS

BASE = Path(__file__).resolve().parent.parent / "voices/base"
TEXT = "소방관들이 밤샘 작업 끝에 산불을 모두 껐습니다. 어제저녁부터 내린 비가 아침에야 겨우 그쳤어요."
SENTENCE = "소방관들이 밤샘 작업 끝에 산불을 모두 껐고, 어제저녁부터 내린 비는 아침에야 겨우 그쳤습니다."
FLOOR = -20.0  # of the gate's bias: it never opens


def random_checkpoint(model: str, size: str) -> Checkpoint:
    config = models.preset_of(model, size)
    network = models.build(model, config.to_json())
    if model == "tacotron2":
        torch.nn.init.constant_(network.decoder.gate_layer.bias, FLOOR)
    header = Header(
        kind=models.kind_of(model),
        model=model,
        config=config.to_json(),
        symbols=SYMBOLS,
        audio=AudioConfig().to_json(),
        text=TextConfig().to_json(),
    )
    return Checkpoint(header, network.state_dict())


def random_voice(size: str, precision: str) -> Call:
    acoustic, vocoder = random_checkpoint("tacotron2", "compact"), random_checkpoint("hifi_gan", size)
    voice = Synthesizer(acoustic, vocoder, torch.device("cpu"), precision=precision)
    return partial(voice.utter, SENTENCE)


def base_files() -> dict[str, Path]:
    """By kind, where the base voice is shipped."""
    return {read_header(path).kind: path for path in sorted(BASE.glob("*.safetensors"))}


def base_voice(precision: str) -> Synthesizer:
    files = {kind: open_any(path) for kind, path in base_files().items()}
    return Synthesizer(files["acoustic"], files.get("vocoder"), torch.device("cpu"), precision=precision)


def speaking(precision: str) -> Call:
    voice = base_voice(precision)
    return lambda: list(voice.stream(TEXT))


def cases(options: argparse.Namespace) -> Iterator[Case]:
    keep_freed_memory()  # as a worker does that speaks, up to what these need
    precisions = ("float32", "bf16", *(("int8",) if int8_range() else ()))
    seconds = MAX_FRAMES * 256 / 22_050
    for name, size in (("V2", "v2"), ("V3", "v3"), ("our compact one", "compact")):
        ways = {precision: partial(random_voice, size, precision) for precision in precisions}
        yield Case(f"text to sound, compact and {name}", ways, seconds, "s of sound", 3)
    if "acoustic" in base_files():
        voice = base_voice("float32")
        seconds = len(join(list(voice.stream(TEXT)), pause=0.0)) / voice.audio.sample_rate
        ways = {precision: partial(speaking, precision) for precision in precisions}
        yield Case("text to sound, the base voice", ways, seconds, "s of sound", 3)


if __name__ == "__main__":
    main(__file__, cases, parser(__doc__).parse_args())
