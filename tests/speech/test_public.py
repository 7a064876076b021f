"""Public checkpoints: every layout becomes the present one, and fits the network strictly."""

from __future__ import annotations

import dataclasses
import pickle
import sys
import types
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from speech import legacy_pickle, models
from speech.acoustic import tacotron2
from speech.checkpoint import load_weights, network_of, open_any, warm_start
from speech.errors import BadCheckpoint
from speech.header import Checkpoint
from speech.public import import_public
from speech.text.symbols import SYMBOLS
from speech.vocoder import waveglow

TACOTRON2 = dataclasses.replace(
    tacotron2.Config(), n_symbols=148, encoder_channels=32, prenet_channels=16, attention_rnn_channels=24,
    attention_channels=8, location_filters=4, decoder_rnn_channels=28, postnet_channels=20,
)  # fmt: skip
WAVEGLOW = waveglow.PRESETS["trial"]


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def build_and_load(found: Checkpoint) -> Any:
    network = models.build(found.header.model, found.header.config)
    load_weights(network, found)
    return network


@pytest.mark.parametrize("prefix", ["", "module.", "module.1."])
def test_a_tacotron_2_fits_with_its_sizes_read_from_the_tensors(tmp_path: Path, prefix: str) -> None:
    published = tacotron2.Model(TACOTRON2).state_dict()
    path = tmp_path / "tacotron2.pt"
    torch.save({"iteration": 5, "state_dict": {prefix + name: one for name, one in published.items()}}, path)
    found = import_public(path)
    assert tacotron2.Config.from_json(found.header.config) == TACOTRON2
    assert same(build_and_load(found).state_dict(), published)
    assert found.header.kind == "acoustic"


def test_the_published_size_has_84_entries_and_148_symbols(tmp_path: Path) -> None:
    path = tmp_path / "tacotron2.pt"
    published = tacotron2.Model(dataclasses.replace(tacotron2.PRESETS["full"], n_symbols=148)).state_dict()
    torch.save({"state_dict": published}, path)
    found = import_public(path)
    assert len(found.tensors) == 84
    assert (
        sum(one.numel() for name, one in found.tensors.items() if "running" not in name and "num_" not in name) > 28e6
    )
    assert found.header.symbols[:3] == ("_", "-", "!")
    assert found.header.symbols[64:67] == ("@AA", "@AA0", "@AA1")
    assert len(found.header.symbols) == 148


def test_an_english_base_gives_its_punctuation_to_a_korean_voice(tmp_path: Path) -> None:
    path = tmp_path / "tacotron2.pt"
    torch.save({"state_dict": tacotron2.Model(TACOTRON2).state_dict()}, path)
    base = open_any(path, expect_kind="acoustic")
    korean = tacotron2.Model(dataclasses.replace(TACOTRON2, n_symbols=len(SYMBOLS)))
    told = warm_start(korean, base, SYMBOLS)
    row = base.header.symbols.index("?")
    assert torch.equal(korean.embedding.weight[SYMBOLS.index("?")], base.tensors["embedding.weight"][row])
    assert "ᄀ" in told["new_symbols"]
    assert told["skipped"] == []


def fused(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return tensors


def by_layer(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Conditioning one layer at a time, as older files have it."""
    result = {}
    for name, tensor in tensors.items():
        if ".cond_layer." not in name:
            result[name] = tensor
            continue
        for layer, part in enumerate(tensor.chunk(WAVEGLOW.layers)):
            result[name.replace("cond_layer.", f"cond_layers.{layer}.")] = part.clone()
    return result


def residual_apart(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Residual and skip convolutions apart, the oldest layout; the last layer has a skip only."""
    result = {}
    for name, tensor in by_layer(tensors).items():
        if ".res_skip_layers." not in name:
            result[name] = tensor
        elif f".{WAVEGLOW.layers - 1}." in name.rpartition("res_skip_layers")[2]:
            result[name.replace("res_skip_layers", "skip_layers")] = tensor
        else:
            residual, skip = tensor.chunk(2)
            result[name.replace("res_skip_layers", "res_layers")] = residual.clone()
            result[name.replace("res_skip_layers", "skip_layers")] = skip.clone()
    return result


def without_weight_norm(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    result = {}
    for name, tensor in tensors.items():
        if name.endswith("weight_v"):
            gain = tensors[name.replace("weight_v", "weight_g")]
            norm = tensor.flatten(1).norm(dim=1).view(-1, 1, 1)
            result[name.replace("weight_v", "weight")] = gain * tensor / norm
        elif not name.endswith("weight_g"):
            result[name] = tensor
    return result


@pytest.mark.parametrize("layout", [fused, by_layer, residual_apart])
def test_each_layout_of_waveglow_becomes_the_present_one(tmp_path: Path, layout: Any) -> None:
    published = waveglow.Model(WAVEGLOW).state_dict()
    path = tmp_path / "waveglow.pt"
    torch.save({"state_dict": layout(dict(published))}, path)
    found = import_public(path)
    assert same(build_and_load(found).state_dict(), published)


def test_a_waveglow_of_other_mel_bands_says_so_of_its_mel(tmp_path: Path) -> None:
    config = dataclasses.replace(WAVEGLOW, n_mels=40)
    torch.save(waveglow.Model(config).state_dict(), tmp_path / "w.pt")
    found = import_public(tmp_path / "w.pt")
    assert found.header.config["n_mels"] == found.header.audio["n_mels"] == 40
    network_of(found)


def test_a_waveglow_whose_weight_norm_was_removed_sounds_the_same(tmp_path: Path) -> None:
    network = waveglow.Model(WAVEGLOW).eval()
    path = tmp_path / "waveglow.pt"
    torch.save({"state_dict": without_weight_norm(dict(network.state_dict()))}, path)
    again = build_and_load(import_public(path)).eval()
    mel = torch.randn(1, 80, 12)
    torch.testing.assert_close(again.infer(mel), network.infer(mel), rtol=1e-4, atol=1e-5)


@pytest.fixture
def glow() -> Iterator[types.ModuleType]:
    """The module whose classes a whole pickled WaveGlow names; gone again when the file is read."""
    module = types.ModuleType("glow")
    for name in ("WaveGlow", "WN", "Invertible1x1Conv"):
        setattr(module, name, type(name, (torch.nn.Module,), {"__module__": "glow"}))
    sys.modules["glow"] = module
    yield module
    sys.modules.pop("glow", None)


def pickled_whole(glow: types.ModuleType) -> torch.nn.Module:
    """A WaveGlow of two flows put together from torch's own layers, as the published class was."""

    def normed(*sizes: int) -> torch.nn.Module:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return torch.nn.utils.weight_norm(torch.nn.Conv1d(*sizes))

    whole = glow.WaveGlow()
    whole.upsample = torch.nn.ConvTranspose1d(80, 80, 1024, stride=256)
    whole.WN, whole.convinv = torch.nn.ModuleList(), torch.nn.ModuleList()
    for _ in range(2):
        part = glow.WN()
        part.start, part.end = normed(4, 16, 1), torch.nn.Conv1d(16, 8, 1)
        part.cond_layer = normed(640, 32, 1)
        part.in_layers = torch.nn.ModuleList([normed(16, 32, 3)])
        part.res_skip_layers = torch.nn.ModuleList([normed(16, 16, 1)])
        whole.WN.append(part)
        mixing = glow.Invertible1x1Conv()
        mixing.conv = torch.nn.Conv1d(8, 8, 1, bias=False)
        whole.convinv.append(mixing)
    return whole


@pytest.mark.parametrize("zipped", [True, False])
def test_a_waveglow_pickled_whole_is_read_with_nothing_of_it_run(
    tmp_path: Path, glow: types.ModuleType, zipped: bool
) -> None:
    whole, path = pickled_whole(glow), tmp_path / "waveglow.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save({"model": whole, "iteration": 1}, path, _use_new_zipfile_serialization=zipped)
    del sys.modules["glow"]
    found = import_public(path)
    assert "glow" not in sys.modules
    assert same(build_and_load(found).state_dict(), dict(whole.state_dict()))


def test_what_the_oldest_modules_held_besides_is_passed_over(
    tmp_path: Path, glow: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Modules of torch 0.4 pickled a call of a function that is long gone."""
    called = []
    backend = types.ModuleType("torch.nn.backends.thnn")

    def _get_thnn_function_backend() -> None:
        called.append("at least once, to be pickled by name")

    _get_thnn_function_backend.__module__ = backend.__name__
    _get_thnn_function_backend.__qualname__ = "_get_thnn_function_backend"
    backend._get_thnn_function_backend = _get_thnn_function_backend  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.nn.backends", types.ModuleType("torch.nn.backends"))
    monkeypatch.setitem(sys.modules, backend.__name__, backend)

    class Backend:
        def __reduce__(self) -> Any:
            return _get_thnn_function_backend, ()

    whole, path = pickled_whole(glow), tmp_path / "waveglow.pt"
    for module in whole.modules():
        module.__dict__["_backend"] = Backend()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save({"model": whole}, path, _use_new_zipfile_serialization=False)
    found = import_public(path)
    assert not called
    assert same(build_and_load(found).state_dict(), dict(whole.state_dict()))


def test_an_old_file_of_a_state_dict_gives_the_same_tensors(tmp_path: Path) -> None:
    published = waveglow.Model(WAVEGLOW).state_dict()
    path = tmp_path / "waveglow.pt"
    shared = {name: tensor.half() if name.endswith("bias") else tensor for name, tensor in published.items()}
    torch.save({"state_dict": shared, "iteration": 3}, path, _use_new_zipfile_serialization=False)
    assert same(import_public(path).tensors, shared)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_was_cut_off_is_damaged_and_not_called_harmful(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "waveglow.pt"
    torch.save({"state_dict": waveglow.Model(WAVEGLOW).state_dict()}, path, _use_new_zipfile_serialization=zipped)
    for share in (0.001, 0.5, 0.99):
        cut = tmp_path / "cut.pt"
        cut.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
        with pytest.raises(BadCheckpoint, match="is damaged") as caught:
            import_public(cut)
        assert caught.value.code == "not_a_checkpoint"


def test_a_network_that_lacks_a_part_is_named_with_it(tmp_path: Path) -> None:
    tensors, path = tacotron2.Model(TACOTRON2).state_dict(), tmp_path / "tacotron2.pt"
    del tensors["decoder.linear_projection.linear_layer.weight"]
    torch.save({"state_dict": tensors}, path)
    with pytest.raises(BadCheckpoint, match=r"Tacotron 2, but .*linear_projection") as caught:
        import_public(path)
    assert caught.value.code == "incomplete"


def test_the_wrong_kind_of_a_public_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tacotron2.pt"
    torch.save({"state_dict": tacotron2.Model(TACOTRON2).state_dict()}, path)
    with pytest.raises(BadCheckpoint, match=r"an acoustic \(tacotron2.* kind vocoder was expected"):
        open_any(path, expect_kind="vocoder")


def zipped(path: Path, pickled: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as records:
        records.writestr("archive/data.pkl", pickled)
        records.writestr("archive/version", b"3\n")
    return path


def legacy(pickled: bytes) -> bytes:
    """Behind what an old file of torch begins with."""
    prelude = (legacy_pickle.MAGIC, legacy_pickle.PROTOCOL, {"little_endian": True})
    return b"".join(pickle.dumps(one, 2) for one in prelude) + pickled


BOMBS = {
    "a note of a high number": b"\x80\x02]r\x00\x00\x00\x10.",
    "tuples within each other, looked up": b"\x80\x02}()" + b"\x85" * 300_000 + b"K\x01u.",
    "a text of a terabyte": b"\x80\x04\x8d" + (2**40).to_bytes(8, "little") + b"x.",
    "a frame of a terabyte": b"\x80\x04\x95" + (2**40).to_bytes(8, "little") + b"N.",
    "an empty stack": b"\x80\x020\x85.",
}


@pytest.mark.parametrize("kind", ["bare", "legacy", "zip"])
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_small_file_that_would_fill_the_memory_or_end_the_process_is_refused(
    tmp_path: Path, bomb: str, kind: str
) -> None:
    path = tmp_path / "bomb.pt"
    if kind == "zip":
        zipped(path, BOMBS[bomb])
    else:
        path.write_bytes(BOMBS[bomb] if kind == "bare" else legacy(BOMBS[bomb]))
    with pytest.raises(BadCheckpoint):
        open_any(path)


def test_records_that_grow_as_they_are_unpacked_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "packed.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as records:
        records.writestr("archive/data.pkl", pickle.dumps({}, 2) + b"\x00" * 10**6)
    with pytest.raises(BadCheckpoint, match="damaged"):
        open_any(path)


@pytest.mark.parametrize("new", [True, False])
def test_a_tensor_that_claims_more_than_the_file_is_refused(tmp_path: Path, new: bool) -> None:
    path = tmp_path / "wide.pt"
    wide = torch.zeros(1).as_strided((1, 10**6, 10**6), (0, 0, 0))
    state = {"conv_pre.weight": wide, "ups.0.weight": torch.zeros(4, 4, 2)}
    torch.save({"generator": state}, path, _use_new_zipfile_serialization=new)
    with pytest.raises(BadCheckpoint, match="larger than the file"):
        open_any(path)


@pytest.mark.parametrize(
    "state",
    [
        {"conv_pre.weight": torch.zeros(4, 4, 3), "ups.0.weight": torch.zeros(4, 4, 2), "cond.weight": torch.zeros(4)},
        {"conv_pre.weight": torch.zeros(4, 4, 3, dtype=torch.int32), "ups.0.weight": torch.zeros(4, 4, 2)},
        {"conv_pre.weight_v": torch.zeros(4, 80, 7), "ups.999999999.weight_v": torch.zeros(4, 4, 16)},
    ],
    ids=["a norm of one axis", "whole numbers", "a layer of a high number"],
)
def test_what_only_looks_like_a_generator_is_told_in_a_sentence(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "odd.pt"
    torch.save({"generator": state}, path)
    with pytest.raises(BadCheckpoint, match="HiFi-GAN"):
        open_any(path)


def test_modules_that_hold_each_other_again_and_again_are_walked_once(tmp_path: Path, glow: types.ModuleType) -> None:
    whole, path = pickled_whole(glow), tmp_path / "waveglow.pt"
    for _ in range(40):
        outer = glow.WN()
        outer._modules["a"] = outer._modules["b"] = whole
        whole = outer
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save({"model": whole}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(BadCheckpoint):
        open_any(path)
