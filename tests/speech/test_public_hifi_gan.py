"""Public generators of HiFi-GAN: names, sizes and weight norm in all the ways they come."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from speech import models
from speech.__main__ import main
from speech.checkpoint import load_weights, open_any
from speech.config import TrainingConfig
from speech.errors import BadCheckpoint
from speech.header import Checkpoint
from speech.vocoder.hifi_gan import PRESETS, Config, Model, Recipe

SMALL = dataclasses.replace(PRESETS["full"], upsample_initial_channel=32)


def generator(config: Config) -> Model:
    torch.manual_seed(1)
    network = Model(config).eval()
    for name, parameter in network.named_parameters():
        if name.endswith("weight_g"):
            parameter.data.fill_(1.2)
    return network


def sounds(found: Checkpoint, mel: torch.Tensor) -> torch.Tensor:
    network = models.build(found.header.model, found.header.config).eval()
    load_weights(network, found)
    with torch.inference_mode():
        return network(mel)


@pytest.mark.parametrize("size", ["full", "v2", "v3"])
def test_the_three_of_the_paper_are_known_by_their_shapes(tmp_path: Path, size: str) -> None:
    path = tmp_path / "generator"
    torch.save({"generator": Model(PRESETS[size]).state_dict()}, path)
    found = open_any(path, expect_kind="vocoder")
    assert (found.header.model, found.header.size) == ("hifi_gan", size)
    load_weights(models.build("hifi_gan", found.header.config), found)


def test_another_width_is_read_from_the_shapes(tmp_path: Path) -> None:
    path, network, mel = tmp_path / "g_02500000", generator(SMALL), torch.randn(1, 80, 9)
    torch.save({"generator": network.state_dict()}, path)
    found = open_any(path)
    assert found.header.size == ""
    assert found.header.config["upsample_initial_channel"] == 32
    torch.testing.assert_close(sounds(found, mel), network(mel))


def removed(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    folded = generator(SMALL).fold()
    return dict(folded.state_dict())


def parametrised(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    new = {"weight_g": "parametrizations.weight.original0", "weight_v": "parametrizations.weight.original1"}
    renamed = {}
    for name, tensor in tensors.items():
        layer, _, part = name.rpartition(".")
        renamed[f"{layer}.{new.get(part, part)}"] = tensor
    return renamed


def parallel(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {"module." + name: tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize("change", [removed, parametrised, parallel])
@pytest.mark.parametrize("zipped", [True, False])
def test_weight_norm_under_any_name_or_removed_sounds_the_same(tmp_path: Path, change, zipped: bool) -> None:
    network, mel, path = generator(SMALL), torch.randn(1, 80, 9), tmp_path / "generator.pt"
    torch.save({"generator": change(dict(network.state_dict()))}, path, _use_new_zipfile_serialization=zipped)
    made = network(mel)
    assert made.abs().max() > 0.01
    torch.testing.assert_close(sounds(open_any(path), mel), made, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (dataclasses.replace(SMALL, upsample_rates=(8, 8, 2), upsample_kernel_sizes=(16, 16, 4)), "upsampling kernels"),
        (dataclasses.replace(SMALL, resblock_dilations=((1, 3),) * 3), "blocks of 2 convolutions"),
        (dataclasses.replace(PRESETS["v3"], upsample_initial_channel=32, resblock_kernel_sizes=(3, 5, 9)), "dilations"),
    ],
)
def test_a_shape_that_does_not_tell_all_is_refused_with_what_was_not_understood(
    tmp_path: Path, config: Config, why: str
) -> None:
    path = tmp_path / "generator.pt"
    torch.save({"generator": Model(config).state_dict()}, path)
    with pytest.raises(BadCheckpoint, match=why) as caught:
        open_any(path)
    assert caught.value.code == "unknown_shape"


def test_the_discriminators_are_told_from_the_generator(tmp_path: Path) -> None:
    judges = Recipe(PRESETS["trial"], TrainingConfig()).discriminators
    path = tmp_path / "do_02500000"
    torch.save({"mpd": judges.mpd.state_dict(), "msd": judges.msd.state_dict(), "steps": 1}, path)
    with pytest.raises(BadCheckpoint, match="begins with g_"):
        open_any(path)


def test_inspect_says_what_a_public_file_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "generator.pt"
    torch.save({"generator": Model(PRESETS["v2"]).state_dict()}, path, _use_new_zipfile_serialization=False)
    assert main(["inspect", str(path)]) == 0
    said = capsys.readouterr().out
    assert "a vocoder (hifi_gan" in said
    assert "v2" in said
