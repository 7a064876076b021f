"""Checkpoints of NVIDIA's Tacotron 2 and WaveGlow and of HiFi-GAN, read without ever running a pickle's code.

Layouts: a state dict, or a dict with one under `state_dict` (Tacotron 2, also with DeepLearningExamples' prefixes) or
`generator` (HiFi-GAN), or a whole pickled `glow.WaveGlow` under `model`, in files of today's torch (zip) and of those
before 1.6. What is in a pickle besides tensors and containers is refused, save for the class names of that module, for
which inert stand-ins take the state.
"""

from __future__ import annotations

import math
import pickle
import re
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from speech import _public_hifi_gan, legacy_pickle, pickle_guard
from speech._public_names import layer_count
from speech.config import AudioConfig
from speech.errors import BadCheckpoint
from speech.header import Checkpoint, Header
from speech.legacy_pickle import Inert

_SHARED = 4  # times that the same bytes may be named: layers that share their weights are saved twice
_LONGEST_NAME = 500  # characters
_PREFIX = re.compile(r"^(module\.(1\.)?)+")
_ENGLISH_PUNCTUATION = "!'(),.:;? "
_VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
_CONSONANTS = ("B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH", "T", "TH",
               "V", "W", "Y", "Z", "ZH")  # fmt: skip

# What a pickled WaveGlow names besides tensors; each is read as `Inert`.
_INERT_NAMES = (
    "glow.WaveGlow",
    "glow.WN",
    "glow.Invertible1x1Conv",
    "torch.nn.modules.container.ModuleList",
    "torch.nn.modules.conv.Conv1d",
    "torch.nn.modules.conv.ConvTranspose1d",
    "torch.nn.utils.weight_norm.WeightNorm",
)


def import_public(path: Path) -> Checkpoint:
    """Read a public checkpoint. Raises BadCheckpoint that says what the file is and what was expected."""
    content = _read(path)
    tensors = {_PREFIX.sub("", name): tensor for name, tensor in _state_dict(content, path).items()}
    _check_sizes(tensors, path)
    layout: Callable[[Mapping[str, torch.Tensor]], dict[str, torch.Tensor]] = dict
    if "decoder.attention_rnn.weight_ih" in tensors and "embedding.weight" in tensors:
        named, header_of = "Tacotron 2", _tacotron2_header
    elif "upsample.weight" in tensors and any(name.startswith("WN.0.") for name in tensors):
        named, header_of, layout = "WaveGlow", _waveglow_header, _waveglow_layout
    elif _public_hifi_gan.is_generator(tensors):
        named, header_of, layout = "HiFi-GAN", _public_hifi_gan.header, _public_hifi_gan.layout
    else:
        raise BadCheckpoint(
            f"{path.name} holds {len(tensors)} tensors ({', '.join(list(tensors)[:3])}, …) of a network that is not "
            "known here; a Tacotron 2 or a WaveGlow as NVIDIA publishes them, or a HiFi-GAN's generator, was expected.",
            code="unknown_network",
            path=str(path),
        )
    try:
        tensors = layout(tensors)
        return Checkpoint(header_of(tensors), tensors, str(path))
    except (KeyError, ValueError, IndexError, TypeError, RuntimeError) as error:
        raise BadCheckpoint(
            f"{path.name} looks like a {named}, but its tensors are not all there, or not of a shape that one has "
            f"({error}). Take the whole file from its publisher.",
            code="incomplete",
            path=str(path),
        ) from error


def _read(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            legacy = file.read(1) == b"\x80"
        return legacy_pickle.load(path) if legacy else _load_zip(path)
    except pickle.UnpicklingError as error:
        if (name := _foreign(error)) is None:
            raise _no_checkpoint(path, error) from error
        raise BadCheckpoint(
            f"{path.name} holds more than weights: it names {name}, which is no part of a network that is known here. "
            "Nothing of it was run. Take the checkpoint from its publisher, or save its state_dict alone.",
            code="unsafe_pickle",
            path=str(path),
            name=name,
        ) from error
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise BadCheckpoint(f"{path} cannot be read: {error.strerror}.", code="missing", path=str(path)) from error
    except (
        OSError,
        RuntimeError,
        EOFError,
        MemoryError,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
        struct.error,
    ) as error:
        raise _no_checkpoint(path, error) from error


def _load_zip(path: Path) -> Any:
    pickle_guard.check_zip(path)
    stand_ins: list[Any] = [(type(name.rpartition(".")[2], (Inert,), {}), name) for name in _INERT_NAMES]
    with torch.serialization.safe_globals(stand_ins):
        return torch.load(path, map_location="cpu", weights_only=True)


def _foreign(error: pickle.UnpicklingError) -> str | None:
    """What a pickle names that it may not; None when the bytes are no pickle of weights for another reason."""
    if isinstance(error, legacy_pickle.ForeignName):
        return error.name
    if found := re.search(r"(?:GLOBAL|global) `?([\w.]+)`?", str(error)):
        return found[1]
    return "an operation that weights do not need" if "WeightsUnpickler error" in str(error) else None


def _no_checkpoint(path: Path, error: Exception) -> BadCheckpoint:
    return BadCheckpoint(
        f"{path.name} is no PyTorch checkpoint, or is damaged ({type(error).__name__}).",
        code="not_a_checkpoint",
        path=str(path),
    )


def _state_dict(content: Any, path: Path) -> dict[str, torch.Tensor]:
    if isinstance(content, Mapping) and {"mpd", "msd"} <= set(content):
        raise BadCheckpoint(
            f"{path.name} holds the discriminators of a HiFi-GAN, which only its training needs. Take the generator, "
            "the file beside it whose name begins with g_.",
            code="discriminators",
            path=str(path),
        )
    for key in ("state_dict", "model", "generator"):
        if isinstance(content, Mapping) and key in content:
            content = content[key]
    if isinstance(content, Inert):
        content = _tensors_of(content)
    if isinstance(content, Mapping) and content and all(isinstance(one, torch.Tensor) for one in content.values()):
        return {str(name): tensor.detach() for name, tensor in content.items()}
    raise BadCheckpoint(f"{path.name} holds no state dict (names and tensors).", code="no_state_dict", path=str(path))


def _tensors_of(module: Inert, prefix: str = "", seen: set[int] | None = None) -> dict[str, torch.Tensor]:
    """The state dict of a module that was pickled whole. A module that comes again brings nothing more."""
    seen = set() if seen is None else seen
    tensors: dict[str, torch.Tensor] = {}
    if id(module) in seen or len(prefix) > _LONGEST_NAME:
        return tensors
    seen.add(id(module))
    parts = (getattr(module, part, None) for part in ("_parameters", "_buffers", "_modules"))
    own, buffers, modules = (part if isinstance(part, Mapping) else {} for part in parts)
    for name, one in (*own.items(), *buffers.items(), *modules.items()):
        if isinstance(one, torch.Tensor):
            tensors[f"{prefix}{name}"] = one
        elif isinstance(one, Inert):
            tensors |= _tensors_of(one, f"{prefix}{name}.", seen)
    return tensors


def _check_sizes(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """A tensor can claim to be larger than what it lies in, and fill the memory where it is first used."""
    held = [tensor.numel() * tensor.element_size() if _plain(tensor) else math.inf for tensor in tensors.values()]
    if sum(held) > _SHARED * path.stat().st_size:
        raise BadCheckpoint(
            f"{path.name} holds tensors that claim to be larger than the file. Take the whole file from its publisher.",
            code="not_a_checkpoint",
            path=str(path),
        )


def _plain(tensor: torch.Tensor) -> bool:
    return tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_nested


def _tacotron2_header(tensors: Mapping[str, torch.Tensor]) -> Header:
    from speech.acoustic.tacotron2 import Config

    rows, encoder_channels = tensors["embedding.weight"].shape
    filters, _, location_kernel = tensors["decoder.attention_layer.location_layer.location_conv.conv.weight"].shape
    n_mels = tensors["decoder.linear_projection.linear_layer.weight"].shape[0]
    config = Config(
        n_symbols=rows,
        n_mels=n_mels,
        encoder_channels=encoder_channels,
        encoder_layers=layer_count(tensors, r"encoder\.convolutions\.(\d+)\."),
        encoder_kernel=tensors["encoder.convolutions.0.0.conv.weight"].shape[2],
        prenet_channels=tensors["decoder.prenet.layers.0.linear_layer.weight"].shape[0],
        attention_rnn_channels=tensors["decoder.attention_rnn.weight_hh"].shape[1],
        attention_channels=tensors["decoder.attention_layer.v.linear_layer.weight"].shape[1],
        location_filters=filters,
        location_kernel=location_kernel,
        decoder_rnn_channels=tensors["decoder.decoder_rnn.weight_hh"].shape[1],
        postnet_channels=tensors["postnet.convolutions.0.0.conv.weight"].shape[0],
        postnet_layers=layer_count(tensors, r"postnet\.convolutions\.(\d+)\."),
        postnet_kernel=tensors["postnet.convolutions.0.0.conv.weight"].shape[2],
    )
    symbols, language = _symbols(rows)
    return Header(
        kind="acoustic",
        model="tacotron2",
        config=config.to_json(),
        symbols=symbols,
        front_end={"version": "public", "mode": language, "dictionary_sha256": ""},
        audio=AudioConfig(n_mels=n_mels).to_json(),
    )


def _waveglow_header(tensors: Mapping[str, torch.Tensor]) -> Header:
    from speech.vocoder.waveglow import Config

    flows = layer_count(tensors, r"convinv\.(\d+)\.")
    widths = [tensors[f"convinv.{flow}.conv.weight"].shape[0] for flow in range(flows)]
    narrower = next((flow for flow in range(1, flows) if widths[flow] < widths[flow - 1]), 0)
    leaving = {"early_every": narrower, "early_size": widths[narrower - 1] - widths[narrower]} if narrower else {}
    inner = tensors["WN.0.in_layers.0.weight_v"]  # [2C, C, kernel]
    config = Config(
        n_mels=tensors["upsample.weight"].shape[0],
        upsample_kernel=tensors["upsample.weight"].shape[2],
        flows=flows,
        group=widths[0],
        layers=layer_count(tensors, r"WN\.0\.in_layers\.(\d+)\."),
        channels=inner.shape[1],
        kernel=inner.shape[2],
        **leaving,
    )
    audio = AudioConfig(n_mels=config.n_mels).to_json()
    return Header(kind="vocoder", model="waveglow", config=config.to_json(), audio=audio)


def _symbols(rows: int) -> tuple[tuple[str, ...], str]:
    """Names of the embedding's rows by their number, and what they spell."""
    from speech.text.symbols import SYMBOLS

    if rows == len(SYMBOLS):
        return SYMBOLS, "spelling"
    english = _english_symbols()
    if rows == len(english):
        return english, "english"
    return tuple(f"unknown {row}" for row in range(rows)), "unknown"


def _english_symbols() -> tuple[str, ...]:
    """The 148 of NVIDIA's English checkpoint: pad, hyphen, punctuation, letters, ARPAbet with and without stress."""
    phones = sorted([*_CONSONANTS, *(vowel + stress for vowel in _VOWELS for stress in ("", "0", "1", "2"))])
    upper = [chr(code) for code in range(ord("A"), ord("Z") + 1)]
    return ("_", "-", *_ENGLISH_PUNCTUATION, *upper, *(letter.lower() for letter in upper), *("@" + p for p in phones))


def _waveglow_layout(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Bring the older layouts to the present one: conditioning fused, residual and skip fused, weight norm kept.

    Concatenations along the output channels, hence equal in numbers.
    """
    merged: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        if found := re.match(r"(WN\.\d+)\.cond_layers\.\d+\.(\w+)$", name):
            layers = _numbered(tensors, rf"{re.escape(found[1])}\.cond_layers\.(\d+)\.{found[2]}$")
            merged[f"{found[1]}.cond_layer.{found[2]}"] = torch.cat(layers)
        elif found := re.match(r"(WN\.\d+)\.(res|skip)_layers\.(\d+)\.(\w+)$", name):
            parts = [tensors.get(f"{found[1]}.{part}_layers.{found[3]}.{found[4]}") for part in ("res", "skip")]
            fused = torch.cat([part for part in parts if part is not None])
            merged[f"{found[1]}.res_skip_layers.{found[3]}.{found[4]}"] = fused
        else:
            merged[name] = tensor
    return _with_weight_norm(merged)


def _numbered(tensors: Mapping[str, torch.Tensor], pattern: str) -> list[torch.Tensor]:
    found = {int(match[1]): tensor for name, tensor in tensors.items() if (match := re.match(pattern, name))}
    return [found[number] for number in sorted(found)]


def _with_weight_norm(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A file whose weight norm was removed: direction = the weight, gain = its norm, so that training can go on."""
    result: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        if re.match(r"WN\.\d+\.(start|cond_layer|in_layers\.\d+|res_skip_layers\.\d+)\.weight$", name):
            result[name + "_g"] = tensor.flatten(1).norm(dim=1).view(-1, 1, 1)
            result[name + "_v"] = tensor
        else:
            result[name] = tensor
    return result
