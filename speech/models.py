"""The networks that are there: every file in `speech/acoustic` and `speech/vocoder` is one. Without a registry.

Only `module_of` and `build` import the file, and with it torch.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from speech.config import Settings, TrainingConfig
from speech.errors import BadConfig

if TYPE_CHECKING:
    import torch

KINDS = ("acoustic", "vocoder")


class Recipe(Protocol):
    """What the loop asks of a model: its optimisers, its losses and its measures.

    A Recipe may also have `modules() -> dict[str, Module]`: networks that only training needs, kept for a resume; and
    `turn() -> int`: the step behind which it learns by another loss (0: never), see `run_folder.record`.
    """

    kind: ClassVar[str]
    defaults: ClassVar[dict[str, Any]]  # TrainingConfig as published for this model
    going_on: ClassVar[dict[str, Any]]  # what differs from that where a run starts from a base

    def __init__(self, config: Any, training: TrainingConfig) -> None: ...

    def optimizers(self, model: Any) -> dict[str, torch.optim.Optimizer]: ...

    def losses(
        self, model: Any, batch: Any, *, step: int = 0
    ) -> Iterator[tuple[str, torch.Tensor, dict[str, torch.Tensor]]]:
        """Yields (optimiser, loss to minimise, its parts); the loop steps before it asks for the next one.

        All stay where they were computed: a GPU that has to tell them at once waits for its processor afterwards.
        """
        ...

    def evaluate(self, model: Any, batch: Any, *, step: int = 0) -> dict[str, float]:
        """Held-out losses, "loss" among them."""
        ...

    def parameters(self, model: Any, name: str) -> list[torch.nn.Parameter]: ...


class ModelFile(Protocol):
    """What a file in `speech/acoustic` or `speech/vocoder` exports.

    By a size's name it may also have `TRAINING`, settings of TrainingConfig, and for what starts from a base
    `TRAINING_GOING_ON` and `GOING_ON`, settings of its Config, where the published ones and the preset's do not fit.
    """

    Config: type[Settings]
    PRESETS: dict[str, Any]
    Model: Any
    Recipe: type[Recipe]


def available(kind: str) -> list[str]:
    """Names of the models of a kind, sorted; nothing is imported."""
    folder = Path(__file__).parent / kind
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


def trainable(kind: str) -> list[str]:
    """Those of `available` that define a `Recipe`; nothing is imported."""
    folder = Path(__file__).parent / kind
    return [name for name in available(kind) if "\nclass Recipe" in (folder / f"{name}.py").read_text("utf-8")]


def kind_of(name: str) -> str:
    """The kind of a model by its file's name. Raises BadConfig that lists what is there."""
    for kind in KINDS:
        if name in available(kind):
            return kind
    there = "; ".join(f"{kind}: {', '.join(available(kind))}" for kind in KINDS)
    raise BadConfig(f"There is no model {name!r}. There are {there}.", code="unknown_model", name=name)


def module_of(name: str) -> ModelFile:
    """Import a model's file. Raises BadConfig for an unknown name."""
    module: Any = importlib.import_module(f"speech.{kind_of(name)}.{name}")
    return module  # type: ignore[no-any-return]


def recipe_of(name: str) -> type[Recipe]:
    """Raises BadConfig for a model that has nothing to learn."""
    module = module_of(name)
    if not hasattr(module, "Recipe"):
        kind = kind_of(name)
        raise BadConfig(
            f"{name} has nothing to train; train one of {', '.join(trainable(kind))}.", code="not_trainable", name=name
        )
    return module.Recipe


def preset_of(name: str, size: str) -> Settings:
    """Raises BadConfig that lists the sizes."""
    presets = module_of(name).PRESETS
    if size not in presets:
        raise BadConfig(
            f"{name} has no size {size!r}; it has {', '.join(presets)}.", code="unknown_size", name=name, size=size
        )
    preset: Settings = presets[size]
    return preset


def training_of(name: str, size: str, *, going_on: bool) -> dict[str, Any]:
    """TrainingConfig of a model of this size where nobody says otherwise; `going_on`: from a base."""
    recipe = recipe_of(name)
    settings = recipe.defaults | _of_size(name, "TRAINING", size)
    return settings | recipe.going_on | _of_size(name, "TRAINING_GOING_ON", size) if going_on else settings


def going_on(name: str, size: str) -> dict[str, Any]:
    """What of a model's Config differs from the preset of this size where it starts from a base."""
    return _of_size(name, "GOING_ON", size)


def _of_size(name: str, table: str, size: str) -> dict[str, Any]:
    sizes: dict[str, dict[str, Any]] = getattr(module_of(name), table, {})
    return sizes.get(size, {})


def build(name: str, config: dict[str, Any]) -> Any:
    """A network of random weights. Raises BadConfig for settings that it does not have."""
    module = module_of(name)
    return module.Model(module.Config.from_json(config))
