"""Checkpoints: saved whole or not at all, verified when loaded, never a pickle.

Two files each: `step-….safetensors` (weights and header, all that a voice needs) and `step-….resume.safetensors`
(optimisers and place in the data, what only a resumed run needs).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from speech import models
from speech.config import AudioConfig
from speech.errors import BadCheckpoint, DiskFull
from speech.files import sha256_of, write_atomic
from speech.header import METADATA_KEY, Checkpoint, Header, parse_header, read_metadata
from speech.public import import_public
from speech.run_folder import Entry, StoredFile, latest_good, record, resume_name, weights_name

__all__ = ["Checkpoint", "Entry", "Header", "import_public", "latest_good", "load", "open_any", "save", "warm_start"]

_RESUME_KEY = "moksori_resume"
_HEAD_ROOM = 1.02  # of the tensors' bytes: header and file system
_MODULE = "module:"  # prefix of a network's tensors in the resume file
_OVER = 4  # times the weights of a file that a network may ask for which takes over what fits
_EMBEDDING = "embedding.weight"  # its rows are symbols


def save(
    folder: Path,
    header: Header,
    tensors: Mapping[str, torch.Tensor],
    optimizers: Mapping[str, torch.optim.Optimizer],
    progress: dict[str, Any],
    *,
    modules: Mapping[str, torch.nn.Module] | None = None,
    keep: int = 2,
    turn: int = 0,
) -> Entry:
    """Write both files of a checkpoint and list them; the checkpoint exists once the list names it.

    `progress` is what the loop wants back on resume (JSON); `modules` are networks that only training needs
    (discriminators); `keep` and `turn` are `record`'s. Raises DiskFull with the checkpoints before intact.
    """
    resume, described = _flatten(optimizers)
    for name, module in (modules or {}).items():
        for key, tensor in module.state_dict().items():
            resume[f"{_MODULE}{name}/{key}"] = tensor.detach().cpu().contiguous()
    weights_path, resume_path = folder / weights_name(header.step), folder / resume_name(header.step)
    write_weights(weights_path, header, tensors)
    try:
        _write(resume_path, resume, {_RESUME_KEY: json.dumps({"progress": progress, "optimizers": described})})
        entry = Entry(
            step=header.step,
            weights=StoredFile.measure(weights_path),
            resume=StoredFile.measure(resume_path),
            losses=header.losses,
        )
        return record(folder, entry, keep=keep, turn=turn)
    except DiskFull:
        weights_path.unlink(missing_ok=True)
        resume_path.unlink(missing_ok=True)
        raise


def write_weights(path: Path, header: Header, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write one checkpoint file, atomically. Raises DiskFull."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    header = replace(header, tensors_sha256=tensors_hash(plain))
    _write(path, plain, {METADATA_KEY: json.dumps(header.to_json(), ensure_ascii=False)})


def load(path: Path, *, expect_kind: str | None = None, expect_sha256: str | None = None) -> Checkpoint:
    """Read a checkpoint, its hash verified. `expect_kind`: "acoustic" or "vocoder".

    Raises BadCheckpoint, which says what the file is and what was expected.
    """
    header = parse_header(read_metadata(path).get(METADATA_KEY), path)
    if expect_kind is not None and header.kind != expect_kind:
        raise BadCheckpoint(
            f"{path.name} is {header.describe()}, and a checkpoint of kind {expect_kind} was expected.",
            code="wrong_kind",
            path=str(path),
            found=header.kind,
            expected=expect_kind,
        )
    if expect_sha256 is not None and sha256_of(path) != expect_sha256:
        raise _damaged(path, "its SHA-256 is not the expected one")
    try:
        # Copies: what safetensors gives are the file's own pages, which would follow it where it is written over.
        tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    if tensors_hash(tensors) != header.tensors_sha256:
        raise _damaged(path, "its tensors are not those that were written")
    return Checkpoint(header, tensors, str(path))


def open_any(path: Path, *, expect_kind: str | None = None) -> Checkpoint:
    """`load`, or `import_public` for a PyTorch file, by what the file begins with."""
    if path.is_file() and _is_pytorch(path):
        checkpoint = import_public(path)
        if expect_kind not in (None, checkpoint.header.kind):
            raise BadCheckpoint(
                f"{path.name} is {checkpoint.header.describe()}, and a checkpoint of kind {expect_kind} was expected.",
                code="wrong_kind",
                found=checkpoint.header.kind,
                expected=expect_kind,
            )
        return checkpoint
    return load(path, expect_kind=expect_kind)


def load_resume(
    path: Path,
    optimizers: Mapping[str, torch.optim.Optimizer],
    modules: Mapping[str, torch.nn.Module] | None = None,
    *,
    optional: Container[str] = (),
) -> dict[str, Any]:
    """Fill the optimisers (and `modules`) from a resume file and return the `progress` that `save` was given.

    A module named in `optional` stays as it is where the file does not hold it. Raises BadCheckpoint.
    """
    text = read_metadata(path).get(_RESUME_KEY)
    if text is None:
        raise _damaged(path, "it holds nothing to resume from")
    try:
        described = json.loads(text)
        tensors = load_file(path)
        for name, optimizer in optimizers.items():
            settings = [{key: one for key, one in group.items() if key != "params"} for group in optimizer.param_groups]
            optimizer.load_state_dict(_unflatten(name, described["optimizers"][name], tensors))
            for group, own in zip(optimizer.param_groups, settings, strict=True):
                group.update(own)  # as this run is told, not as the one before was
        for name, module in (modules or {}).items():
            prefix = f"{_MODULE}{name}/"
            state = {key.removeprefix(prefix): one for key, one in tensors.items() if key.startswith(prefix)}
            if state or name not in optional:
                module.load_state_dict(state)
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        raise _damaged(path, f"it does not fit this model's training ({error})") from error
    progress: dict[str, Any] = described["progress"]
    return progress


def network_of(checkpoint: Checkpoint) -> Any:
    """The network that a checkpoint is of, with its weights. Raises as `verify`."""
    verify(checkpoint)
    network = models.build(checkpoint.header.model, checkpoint.header.config)
    load_weights(network, checkpoint)
    return network


def verify(checkpoint: Checkpoint, *, whole: bool = True) -> None:
    """That a checkpoint is what its header says: its kind, the mel, the sizes, and weights that are numbers.

    Nothing is built for it, since a header may ask for more than the memory has. Without `whole` it is a base, of which
    some tensors may be missing, or of no use. Raises BadCheckpoint: misfit, damaged; BadConfig for a model or sizes
    that there cannot be.
    """
    header, name = checkpoint.header, checkpoint.source or "The checkpoint"
    if models.kind_of(header.model) != header.kind:
        raise BadCheckpoint(f"{name} says that it is {header.describe()}: there is none.", code="misfit")
    try:
        with torch.device("meta"):
            outline = models.build(header.model, header.config)
        asked, held = (sum(one.numel() for one in some.values()) for some in (outline.state_dict(), checkpoint.tensors))
        if asked > _OVER * held:
            raise RuntimeError(f"it asks for {asked} weights, and the file has {held}")
        if whole:
            outline.load_state_dict(checkpoint.tensors, strict=True, assign=True)
    except RuntimeError as error:
        raise BadCheckpoint(f"{name} does not fit {header.model}: {error}", code="misfit") from error
    mel = AudioConfig.from_json(header.audio).to_json()
    for setting in ("n_mels", "hop_length"):
        own = getattr(outline.config, setting, mel[setting])
        if header.audio and own != mel[setting]:
            raise BadCheckpoint(
                f"{name} is of a network with {setting}={own}, and of a mel with {mel[setting]}: its header "
                "contradicts itself. Take another checkpoint.",
                code="misfit",
            )
    if bad := next((one for one, tensor in checkpoint.tensors.items() if not bool(tensor.isfinite().all())), None):
        raise BadCheckpoint(
            f"{name} holds weights that are no numbers ({bad}): a training that went astray. Take an earlier one.",
            code="damaged",
        )


def load_weights(model: torch.nn.Module, checkpoint: Checkpoint) -> None:
    """All parameters, by name, strictly. Raises BadCheckpoint with what does not fit."""
    try:
        model.load_state_dict(checkpoint.tensors, strict=True)
    except RuntimeError as error:
        raise BadCheckpoint(
            f"{checkpoint.source or 'The checkpoint'} does not fit {checkpoint.header.model}: {error}", code="misfit"
        ) from error


def warm_start(model: torch.nn.Module, checkpoint: Checkpoint, symbols: Iterable[str] = ()) -> dict[str, Any]:
    """Take over what fits: parameters by name and shape, rows of the embedding by the symbol's name.

    `symbols`: names of the model's own rows; those the checkpoint does not know stay as they are (random).
    Returns `{"base", "loaded", "new_symbols", "skipped"}` as TrainingStarted tells it.
    """
    own = model.state_dict()
    loaded, skipped, new_symbols = 0, [], []
    with torch.no_grad():
        for name, tensor in checkpoint.tensors.items():
            target = own.get(name)
            if name == _EMBEDDING and target is not None and target.shape[1:] == tensor.shape[1:]:
                new_symbols = _remap_rows(target, tuple(symbols), tensor, checkpoint.header.symbols)
                loaded += 1
            elif target is None or target.shape != tensor.shape:
                found = "absent" if target is None else "x".join(map(str, target.shape))
                skipped.append(f"{name} ({'x'.join(map(str, tensor.shape))} in the base, {found} here)")
            else:
                target.copy_(tensor)
                loaded += 1
    skipped += [f"{name} (absent in the base)" for name in own if name not in checkpoint.tensors]
    if not loaded:
        raise BadCheckpoint(
            f"Nothing in {checkpoint.source or 'the base'}, {checkpoint.header.describe()}, fits this model.",
            code="misfit",
        )
    return {"base": checkpoint.source, "loaded": loaded, "new_symbols": new_symbols, "skipped": skipped}


def _remap_rows(target: torch.Tensor, own: tuple[str, ...], source: torch.Tensor, names: tuple[str, ...]) -> list[str]:
    """Copy the rows of the symbols that both know; return those that only the target has."""
    row_of = {symbol: row for row, symbol in enumerate(names)}
    for row, symbol in enumerate(own):
        if symbol in row_of:
            target[row] = source[row_of[symbol]]
    return [symbol for symbol in own if symbol not in row_of]


def _is_pytorch(path: Path) -> bool:
    """Whether it begins as a zip file or a pickle does.

    One in 32 safetensors files begins with a pickle's byte too, in the length of its header; but behind that comes `{`.
    """
    with path.open("rb") as file:
        start = file.read(9)
    return start.startswith((b"PK", b"\x80")) and start[8:] != b"{"


def _write(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> None:
    needs = int(_HEAD_ROOM * sum(tensor.nbytes for tensor in tensors.values())) + 2**16

    def write(temporary: Path) -> None:
        try:
            save_file(tensors, temporary, metadata=metadata)
        except SafetensorError as error:  # it carries the system's error as words only
            if code := _system_error(str(error)):
                raise OSError(code, str(error)) from error
            raise

    write_atomic(path, write, needs=needs)


def _system_error(message: str) -> int:
    number = message.rpartition("(os error ")[2].partition(")")[0]
    return int(number) if number.isdigit() else 0


def tensors_hash(tensors: Mapping[str, torch.Tensor]) -> str:
    """Over names, types, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _flatten(optimizers: Mapping[str, torch.optim.Optimizer]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors by `optimiser/parameter/key`, and all else as JSON (floats survive JSON exactly)."""
    tensors: dict[str, torch.Tensor] = {}
    described: dict[str, Any] = {}
    for name, optimizer in optimizers.items():
        state = optimizer.state_dict()
        scalars: dict[str, dict[str, Any]] = {}
        for index, values in state["state"].items():
            scalars[str(index)] = {}
            for key, value in values.items():
                if isinstance(value, torch.Tensor):
                    tensors[f"{name}/{index}/{key}"] = value.detach().cpu().contiguous()
                else:
                    scalars[str(index)][key] = value
        described[name] = {"groups": state["param_groups"], "scalars": scalars}
    return tensors, described


def _unflatten(name: str, described: dict[str, Any], tensors: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    state: dict[int, dict[str, Any]] = {int(index): dict(values) for index, values in described["scalars"].items()}
    for key, tensor in tensors.items():
        if key.startswith(f"{name}/"):
            _, index, field = key.split("/", 2)
            state[int(index)][field] = tensor
    groups = [
        {key: tuple(value) if key == "betas" else value for key, value in group.items()}
        for group in described["groups"]
    ]
    return {"state": state, "param_groups": groups}


def _damaged(path: Path, why: str) -> BadCheckpoint:
    return BadCheckpoint(
        f"{path.name} is damaged: {why}. Take another checkpoint, or copy this one again.",
        code="damaged",
        path=str(path),
    )
