"""The base voice that ships: taken into storage once, and what runs start from."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from speech.errors import BadCheckpoint
from studio import files
from studio.models import Speaker
from training import selectors, services, shelf
from training.forms import BaseField, RunForm
from training.models import Checkpoint

SHIPPED = settings.BASE_DIR / "voices" / "base"
COMPACT = {"acoustic": "tacotron2", "acoustic_steps": 10, "size": "compact"}


@pytest.fixture
def base(transactional_db: None) -> Checkpoint:
    acoustic, _ = shelf.base_ship(folder=SHIPPED)
    return acoustic


def test_it_is_taken_in_once_with_what_its_header_says(base: Checkpoint) -> None:
    assert shelf.base_ship(folder=SHIPPED)[0] == base
    assert Checkpoint.objects.filter(name=selectors.SHIPPED, kind="acoustic").count() == 1
    assert (base.model, base.size_name, base.run) == ("tacotron2", "compact", None)
    assert base.front_end["mode"] == "pronunciation"
    assert base.pace >= 0
    with files.open_file(base.file) as stored:
        assert hashlib.sha256(stored.read()).hexdigest() == base.sha256


def test_a_base_of_an_earlier_release_keeps_its_row_under_another_name(base: Checkpoint) -> None:
    Checkpoint.objects.filter(pk=base.pk).update(sha256="ab" * 32)
    newer, _ = shelf.base_ship(folder=SHIPPED)
    base.refresh_from_db()
    assert newer != base
    assert base.name == "base abababab"
    assert selectors.shipped_base("acoustic") == newer


def test_a_damaged_file_is_named_and_not_taken_in(transactional_db: None, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(SHIPPED, folder)
    named = json.loads((folder / "base.json").read_text("utf-8"))["files"]["acoustic"]["file"]
    content = bytearray((folder / named).read_bytes())
    content[-1] ^= 1
    (folder / named).write_bytes(content)
    with pytest.raises(BadCheckpoint, match=f"{named} has the SHA-256"):
        shelf.base_ship(folder=folder)
    assert not Checkpoint.objects.exists()


def test_a_run_starts_from_it_unless_asked_otherwise(base: Checkpoint, speaker: Speaker) -> None:
    run = services.run_start(speaker=speaker, **COMPACT)
    assert run.acoustic_base == base
    services.run_stop(run=run)
    assert services.run_start(speaker=speaker, **COMPACT, acoustic_base=None).acoustic_base is None


def test_a_run_of_another_size_starts_from_nothing(base: Checkpoint, speaker: Speaker) -> None:
    assert services.run_start(speaker=speaker, **{**COMPACT, "size": "trial"}).acoustic_base is None


def test_the_form_starts_from_it_by_default_and_from_nothing_when_asked(
    base: Checkpoint, speaker: Speaker, admin: User
) -> None:
    plan = {"speaker": speaker.pk, **COMPACT, "sample_text": "안녕하세요."}
    offered = [str(label) for _, label in RunForm().fields["acoustic_base"].widget.choices]
    assert offered[:2] == ["기본 목소리에서 이어 배우기(작은 모델일 때)", "처음부터 배우기"]
    assert offered[2].startswith("기본 목소리 · ")
    form = RunForm(plan)
    assert form.is_valid(), form.errors
    run = form.start(admin)
    assert run.acoustic_base == base
    services.run_stop(run=run)
    for choice, expected in ((BaseField.SCRATCH, None), (str(base.pk), base)):
        form = RunForm({**plan, "acoustic_base": choice})
        assert form.is_valid(), form.errors
        run = form.start(admin)
        assert run.acoustic_base == expected
        services.run_stop(run=run)
    assert not RunForm({**plan, "acoustic_base": "nonsense"}).is_valid()


def test_its_vocoder_is_fitted_along_unless_asked_otherwise(base: Checkpoint, speaker: Speaker, admin: User) -> None:
    ours = selectors.shipped_base("vocoder")
    plan = {"speaker": speaker.pk, **COMPACT, "vocoder_steps": 20, "sample_text": "안녕하세요."}
    offered = list(RunForm().fields["vocoder"].choices)
    assert offered[0] == ("auto", "기본 HiFi-GAN")
    assert '<option value="auto" selected>' in str(RunForm()["vocoder"])
    assert (
        "‘작은 모델’일 때만 돼요. 다른 크기를 고르면 보코더는 배우지 않아요." in RunForm().fields["vocoder"].help_text
    )
    for asked, expected in (
        ({"vocoder": "auto"}, ("hifi_gan", 20, ours)),
        ({"vocoder": ""}, ("", 0, None)),
        ({"vocoder": "auto", "size": "full", "acoustic_base": BaseField.SCRATCH}, ("", 0, None)),
        ({"vocoder": "auto", "vocoder_base": str(ours.pk)}, ("hifi_gan", 20, ours)),
    ):
        form = RunForm({**plan, **asked})
        assert form.is_valid(), form.errors
        run = form.start(admin)
        assert (run.vocoder, run.vocoder_steps, run.vocoder_base) == expected
        services.run_stop(run=run)


def test_without_a_base_no_vocoder_is_offered_to_go_on(transactional_db: None) -> None:
    assert RunForm().fields["vocoder"].choices[0] == ("", "배우지 않기")


def test_page_and_command_ask_for_the_same_steps_where_nobody_says_how_many(base: Checkpoint, speaker: Speaker) -> None:
    call_command("finetune", "--speaker", speaker.name)
    run = speaker.runs.get()
    fields = RunForm().fields
    assert (run.acoustic_steps, run.vocoder_steps) == (4000, 2000)
    assert (fields["acoustic_steps"].initial, fields["vocoder_steps"].initial) == (4000, 2000)


def test_the_command_says_where_no_vocoder_is_trained(
    base: Checkpoint, speaker: Speaker, capsys: pytest.CaptureFixture[str]
) -> None:
    for size, said in (("compact", False), ("trial", True)):
        call_command("finetune", "--speaker", speaker.name, "--size", size)
        assert ("No vocoder is trained" in capsys.readouterr().out) == said
        services.run_stop(run=speaker.runs.get(size=size))


def test_the_command_knows_it_and_none(base: Checkpoint, speaker: Speaker) -> None:
    asked = ("finetune", "--speaker", speaker.name, "--steps", "10")
    call_command(*asked)
    first = speaker.runs.get()
    assert (first.acoustic_base, first.vocoder, first.vocoder_steps) == (base, "hifi_gan", 10)
    services.run_stop(run=first)
    call_command(*asked, "--base", "none")
    second = speaker.runs.exclude(pk=first.pk).get()
    assert (second.acoustic_base, second.vocoder) == (None, "")
    services.run_stop(run=second)
    call_command(*asked, "--vocoder", "none")
    third = speaker.runs.exclude(pk__in=[first.pk, second.pk]).get()
    assert (third.acoustic_base, third.vocoder) == (base, "")


def test_the_command_names_the_bases_that_it_can_take(base: Checkpoint, speaker: Speaker) -> None:
    """The vocoder that ships has the same name, and one that was imported alone cannot be taken."""
    Checkpoint.objects.filter(kind="vocoder").update(name="a vocoder alone")
    with pytest.raises(CommandError, match=r"there are: base$"):
        call_command("finetune", "--speaker", speaker.name, "--base", "a vocoder alone")
