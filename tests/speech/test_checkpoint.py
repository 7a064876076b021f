"""Checkpoint files: exact, verified, never a pickle, never half."""

from __future__ import annotations

import pickle
import resource
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from speech import checkpoint
from speech.checkpoint import Header, load, save, warm_start
from speech.errors import BadCheckpoint, DiskFull
from speech.header import read_header
from speech.run_folder import entries, latest_good, weights_name

HEADER = Header(
    kind="acoustic", model="tacotron2", config={"n_symbols": 3}, symbols=("_", "ᄀ", "ᅡ"), step=7, losses={"loss": 1.5}
)


class Small(torch.nn.Module):
    def __init__(self, rows: int = 3, channels: int = 4) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(rows, 2)
        self.out = torch.nn.Linear(2, channels)


def train_a_little(model: Small) -> torch.optim.Optimizer:
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1, betas=(0.8, 0.99))
    for _ in range(3):
        optimizer.zero_grad()
        model.out(model.embedding.weight).square().sum().backward()
        optimizer.step()
    return optimizer


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    model = Small()
    save(tmp_path, HEADER, model.state_dict(), {"model": train_a_little(model)}, {"epoch": 2})
    return tmp_path / weights_name(7)


@pytest.fixture
def small_files() -> Iterator[None]:
    """The system refuses files beyond 4 KiB, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def flip_a_byte(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    model = Small()
    save(tmp_path, HEADER, model.state_dict(), {"model": train_a_little(model)}, {})
    loaded = load(tmp_path / weights_name(7), expect_kind="acoustic")
    assert loaded.header.symbols == HEADER.symbols
    assert loaded.header.losses == {"loss": 1.5}
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.tensors[name], tensor)


def test_a_checkpoint_whose_length_begins_like_a_pickle_is_not_taken_for_one(tmp_path: Path) -> None:
    path, starts = tmp_path / "small.safetensors", set()
    for letters in range(0, 256, 8):
        checkpoint.write_weights(path, replace(HEADER, base="x" * letters), Small().state_dict())
        starts.add(path.read_bytes()[0])
        assert checkpoint.open_any(path).header.base == "x" * letters
    assert 0x80 in starts


def test_an_optimiser_goes_on_to_the_bit(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Small()
    optimizer = train_a_little(model)
    entry = save(tmp_path, HEADER, model.state_dict(), {"model": optimizer}, {"epoch": 2, "rate": 0.1})
    again = Small()
    again.load_state_dict(load(tmp_path / entry.weights.name).tensors)
    other = torch.optim.Adam(again.parameters(), lr=0.1, betas=(0.8, 0.99))
    progress = checkpoint.load_resume(tmp_path / entry.resume.name, {"model": other})
    assert progress == {"epoch": 2, "rate": 0.1}
    for network, adam in ((model, optimizer), (again, other)):
        adam.zero_grad()
        network.out(network.embedding.weight).square().sum().backward()
        adam.step()
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)


def test_each_optimiser_and_each_network_of_training_gets_its_own_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    trained = {name: Small(channels=size) for name, size in (("model", 4), ("other", 6))}
    adams = {name: train_a_little(network) for name, network in trained.items()}
    judge = Small(channels=3)
    entry = save(tmp_path, HEADER, trained["model"].state_dict(), adams, {}, modules={"judge": judge})
    again = {name: torch.optim.Adam(network.parameters()) for name, network in trained.items()}
    fresh, later = Small(channels=3), Small(channels=2)
    kept = later.out.weight.clone()
    checkpoint.load_resume(tmp_path / entry.resume.name, again, {"judge": fresh, "later": later}, optional=["later"])
    for name, adam in adams.items():
        for before, after in zip(adam.state.values(), again[name].state.values(), strict=True):
            assert all(torch.equal(before[key], after[key]) for key in before)
    assert all(torch.equal(one, fresh.state_dict()[name]) for name, one in judge.state_dict().items())
    assert torch.equal(later.out.weight, kept)
    with pytest.raises(BadCheckpoint, match="does not fit"):
        checkpoint.load_resume(tmp_path / entry.resume.name, again, {"later": later})


def test_the_header_is_read_without_the_tensors(saved: Path) -> None:
    header = read_header(saved)
    assert (header.model, header.step, header.format) == ("tacotron2", 7, 1)


def test_the_wrong_kind_is_refused_with_what_it_is_and_what_was_expected(saved: Path) -> None:
    with pytest.raises(BadCheckpoint) as caught:
        load(saved, expect_kind="vocoder")
    assert caught.value.code == "wrong_kind"
    assert "an acoustic (tacotron2, step 7)" in str(caught.value)
    assert "kind vocoder was expected" in str(caught.value)


@pytest.mark.parametrize("place", [-1, -40])
def test_a_flipped_bit_in_the_tensors_is_found_without_a_list(saved: Path, place: int) -> None:
    flip_a_byte(saved, place)
    with pytest.raises(BadCheckpoint, match="damaged"):
        load(saved)


def test_another_hash_than_the_expected_is_refused(saved: Path) -> None:
    with pytest.raises(BadCheckpoint, match="not the expected one"):
        load(saved, expect_sha256="0" * 64)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "a WAV file"),
        (b"PK\x03\x04" + b"\x00" * 100, "PyTorch"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "an old PyTorch"),
        (b"hello, this is a text file of some length", "something else"),
        (b"\x02\x00\x00\x00\x00\x00\x00\x00{}", "not one of Moksori's"),
        (b"\x10\x00\x00\x00\x00\x00\x00\x00{}", "something else"),
        (b"\x02\x00\x00\x00\x00\x00\x00\x00[]", "something else"),
        (b"\x02\x00\x00\x00\x00\x00\x00\x00{]", "no JSON"),
        (b"\x13\x00\x00\x00\x00\x00\x00\x00" + b'{"__metadata__": 3}', "no table"),
        (b"\x21\x00\x00\x00\x00\x00\x00\x00" + b'{"__metadata__":{"moksori":"{]"}}', "its header cannot be read"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "voice.safetensors"
    path.write_bytes(content)
    with pytest.raises(BadCheckpoint, match=words):
        load(path)


def test_a_sound_in_the_place_of_a_voice_is_named_by_who_takes_both_kinds_of_file(tmp_path: Path) -> None:
    path = tmp_path / "voice.safetensors"
    path.write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt ")
    with pytest.raises(BadCheckpoint, match="a WAV file"):
        checkpoint.open_any(path)


def test_a_file_of_a_newer_format_asks_for_an_update(tmp_path: Path) -> None:
    path = tmp_path / "new.safetensors"
    checkpoint.write_weights(path, Header("acoustic", "tacotron2", {}, format=99), Small().state_dict())
    with pytest.raises(BadCheckpoint, match="newer") as caught:
        load(path)
    assert caught.value.code == "newer_format"


def test_a_full_disk_is_told_and_the_checkpoint_before_stays_usable(tmp_path: Path, small_files: None) -> None:
    model = Small()
    save(tmp_path, HEADER, model.state_dict(), {"model": train_a_little(model)}, {})
    large = Small(channels=2000)
    with pytest.raises(DiskFull, match="Free some space"):
        save(tmp_path, Header("acoustic", "tacotron2", {}, step=8), large.state_dict(), {}, {})
    good = latest_good(tmp_path)
    assert good is not None and good.step == 7
    assert {path.name for path in tmp_path.iterdir()} == {
        "checkpoints.json", "step-00000007.safetensors", "step-00000007.resume.safetensors",
    }  # fmt: skip


def test_a_disk_that_fills_between_the_two_files_leaves_neither(tmp_path: Path, small_files: None) -> None:
    model = Small(channels=200)
    with pytest.raises(DiskFull):
        save(tmp_path, HEADER, model.state_dict(), {"model": train_a_little(model)}, {})
    assert list(tmp_path.iterdir()) == []
    assert entries(tmp_path) == []


def test_a_warm_start_takes_rows_by_symbol_and_parameters_by_name() -> None:
    base = checkpoint.Checkpoint(HEADER, {**Small().state_dict(), "gone.weight": torch.zeros(2)}, "base")
    model = Small(rows=4)
    random_row = model.embedding.weight[0].clone()
    told = warm_start(model, base, ("ᅥ", "ᅡ", "_", "ᄀ"))
    rows = base.tensors["embedding.weight"]
    assert torch.equal(model.embedding.weight[1:], rows[[2, 0, 1]])
    assert torch.equal(model.embedding.weight[0], random_row)
    assert torch.equal(model.out.weight, base.tensors["out.weight"])
    assert told["new_symbols"] == ["ᅥ"]
    assert told["loaded"] == 3
    assert [one.split()[0] for one in told["skipped"]] == ["gone.weight"]


def test_a_warm_start_lists_the_shapes_that_do_not_fit() -> None:
    model = Small(channels=5)
    told = warm_start(model, checkpoint.Checkpoint(HEADER, Small().state_dict(), "base"), HEADER.symbols)
    assert told["skipped"] == ["out.weight (4x2 in the base, 5x2 here)", "out.bias (4 in the base, 5 here)"]


def test_a_base_of_which_nothing_fits_is_refused() -> None:
    with pytest.raises(BadCheckpoint, match="Nothing in"):
        warm_start(Small(), checkpoint.Checkpoint(HEADER, {"other": torch.zeros(1)}, "base"))


class Hostile:
    """Unpickled by Python's own unpickler, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (self.path,))  # type: ignore[return-value]


@pytest.mark.parametrize("legacy", [False, True])
def test_a_hostile_pickle_is_refused_without_running(tmp_path: Path, legacy: bool) -> None:
    trap, path = tmp_path / "ran", tmp_path / "voice.pt"
    torch.save({"state_dict": Hostile(trap)}, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(BadCheckpoint, match="Nothing of it was run") as caught:
        checkpoint.import_public(path)
    assert caught.value.code == "unsafe_pickle"
    assert not trap.exists()


def test_a_bare_hostile_pickle_is_refused_without_running(tmp_path: Path) -> None:
    trap, path = tmp_path / "ran", tmp_path / "voice.pt"
    path.write_bytes(pickle.dumps(Hostile(trap)))
    with pytest.raises(BadCheckpoint):
        checkpoint.import_public(path)
    assert not trap.exists()


@pytest.mark.parametrize("content", [b"", b"no pickle at all", b"PK\x03\x04 no archive"])
def test_a_file_that_is_no_pytorch_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "voice.pt"
    path.write_bytes(content)
    with pytest.raises(BadCheckpoint):
        checkpoint.import_public(path)


def test_a_network_that_nobody_knows_is_named_by_its_first_tensors(tmp_path: Path) -> None:
    path = tmp_path / "voice.pt"
    torch.save({"state_dict": {"conv.weight": torch.zeros(2)}}, path)
    with pytest.raises(BadCheckpoint, match=r"conv\.weight"):
        checkpoint.import_public(path)
