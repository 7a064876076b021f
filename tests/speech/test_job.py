"""run.json: what is wrong with it is said by name."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from speech import models
from speech.config import TrainingConfig
from speech.errors import BadConfig
from speech.job import Job

TRAINING_PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
DOCS = TRAINING_PAGE.partition("\n## run.json\n")[2].partition("\n## ")[0]


def test_a_job_needs_a_model_clips_and_a_place(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"model": "tacotron2"}')
    with pytest.raises(BadConfig, match="clips, out"):
        Job.load(tmp_path / "run.json")


def test_an_unknown_setting_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"model": "tacotron2", "clips": "c", "out": "o", "speed": 3}')
    with pytest.raises(BadConfig, match="speed"):
        Job.load(tmp_path / "run.json")


@pytest.mark.parametrize(("content", "words"), [("{", "no JSON"), ("[]", "JSON object")])
def test_a_file_that_is_no_job_is_refused(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(BadConfig, match=words):
        Job.load(tmp_path / "run.json")


def test_a_missing_job_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"nothing\.json"):
        Job.load(tmp_path / "nothing.json")


def test_the_prepared_data_lie_in_the_run_folder_where_nothing_else_is_said(tmp_path: Path) -> None:
    job = Job(model="tacotron2", clips="c", out=str(tmp_path))
    assert job.work_folder == tmp_path / "data"


def test_models_are_found_by_their_files() -> None:
    assert "tacotron2" in models.available("acoustic")
    assert "waveglow" in models.available("vocoder")
    assert models.kind_of("waveglow") == "vocoder"


def test_a_model_without_a_recipe_is_not_offered_for_training() -> None:
    assert "griffin_lim" in models.available("vocoder")
    assert "griffin_lim" not in models.trainable("vocoder")
    with pytest.raises(BadConfig, match="nothing to train"):
        models.recipe_of("griffin_lim")


def test_an_unknown_model_is_answered_with_those_that_are_there() -> None:
    with pytest.raises(BadConfig, match="tacotron2"):
        models.kind_of("tacotron3")


def test_an_unknown_size_is_answered_with_the_sizes() -> None:
    with pytest.raises(BadConfig, match="full, compact, trial"):
        models.preset_of("tacotron2", "huge")


def test_the_docs_name_every_setting_of_a_job() -> None:
    told = set(re.findall(r"`(\w+)`", DOCS.partition("| setting |")[0]))
    assert {one.name for one in fields(Job)} <= told


def test_the_docs_name_every_setting_of_the_training_with_its_default() -> None:
    rows = re.findall(r"^\| (`.+?) \| (.+?) \| ", DOCS, re.MULTILINE)
    told: dict[str, str] = {}
    for names, defaults in rows:
        settings = re.findall(r"`(\w+)`", names)
        values = ["as published"] * len(settings) if defaults == "as published" else defaults.rstrip(" *").split(", ")
        told |= dict(zip(settings, values, strict=True))
    assert told.keys() == {one.name for one in fields(TrainingConfig)}
    for name, value in told.items():
        default = getattr(TrainingConfig(), name)
        assert value == "as published" or value == (default if isinstance(default, str) else f"{default:g}"), name
