"""Public HiFi-GAN generators: their sizes from the tensors' shapes, their weight norm under its old names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import torch

from speech._public_names import layer_count
from speech.config import AudioConfig
from speech.errors import BadCheckpoint
from speech.header import Header

_GENERATOR = ("n_mels", "resblock", "upsample_rates", "upsample_kernel_sizes", "upsample_initial_channel",
              "resblock_kernel_sizes", "resblock_dilations", "source")  # fmt: skip


def is_generator(tensors: Mapping[str, torch.Tensor]) -> bool:
    return any(name.startswith("conv_pre.") for name in tensors) and any(name.startswith("ups.") for name in tensors)


def layout(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """`weight_g` and `weight_v` also where weight norm was removed, or bears the names that torch gives it today."""
    result: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        if name.endswith(".weight"):
            result[name + "_g"] = tensor.flatten(1).norm(dim=1).view(-1, 1, 1)
            result[name + "_v"] = tensor
        elif ".parametrizations." in name:
            part = "weight_g" if name.endswith("original0") else "weight_v"
            result[name.partition("parametrizations.")[0] + part] = tensor
        else:
            result[name] = tensor
    return result


def header(tensors: Mapping[str, torch.Tensor]) -> Header:
    """What the shapes say; V1, V2 and V3 of the paper get their names.

    Strides and dilations leave no trace in the shapes: where they are not those that the paper's kernels go with,
    BadCheckpoint says which shape was not understood.
    """
    from speech.vocoder.hifi_gan import PRESETS, Config

    kernels = tuple(_shape(tensors, f"ups.{number}")[2] for number in range(layer_count(tensors, r"ups\.(\d+)\.")))
    rates = tuple(kernel // 2 for kernel in kernels)
    audio = AudioConfig(n_mels=_shape(tensors, "conv_pre")[1])
    if any(kernel % 2 for kernel in kernels) or math.prod(rates) != audio.hop_length:
        raise _refuse(f"its upsampling kernels are {kernels}: strides that make {audio.hop_length} samples a "
                              "frame were expected, half as wide as each kernel")  # fmt: skip
    blocks = layer_count(tensors, r"resblocks\.(\d+)\.")
    group = "convs1" if "resblocks.0.convs1.0.weight_v" in tensors else "convs"
    depth = layer_count(tensors, rf"resblocks\.0\.{group}\.(\d+)\.")
    if blocks % len(kernels) or (group, depth) not in (("convs1", 3), ("convs", 2)):
        raise _refuse(f"it has {blocks} blocks of {depth} convolutions for {len(kernels)} upsamplings")
    sizes = tuple(_shape(tensors, f"resblocks.{block}.{group}.0")[2] for block in range(blocks // len(kernels)))
    v3 = PRESETS["v3"]
    if group == "convs" and sizes != v3.resblock_kernel_sizes:
        raise _refuse(f"its blocks have kernels of {sizes}, and with those of {v3.resblock_kernel_sizes} alone "
                              "the dilations are known")  # fmt: skip
    config = Config(
        n_mels=audio.n_mels,
        resblock=1 if group == "convs1" else 2,
        upsample_rates=rates,
        upsample_kernel_sizes=kernels,
        upsample_initial_channel=_shape(tensors, "conv_pre")[0],
        resblock_kernel_sizes=sizes,
        resblock_dilations=((1, 3, 5),) * len(sizes) if group == "convs1" else v3.resblock_dilations,
    )
    size = next((name for name, preset in PRESETS.items() if _key(preset) == _key(config)), "")
    return Header(kind="vocoder", model="hifi_gan", config=config.to_json(), size=size, audio=audio.to_json())


def _key(config: Any) -> tuple[Any, ...]:
    return tuple(getattr(config, one.name) for one in fields(config) if one.name in _GENERATOR)


def _shape(tensors: Mapping[str, torch.Tensor], layer: str) -> tuple[int, ...]:
    return tuple(tensors[f"{layer}.weight_v"].shape)


def _refuse(why: str) -> BadCheckpoint:
    return BadCheckpoint(
        f"This is a HiFi-GAN of a shape that is not known here: {why}. Take a generator of V1, V2 or V3.",
        code="unknown_shape",
    )
