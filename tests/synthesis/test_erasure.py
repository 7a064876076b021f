"""A speaker who asks for it is erased from all rooms: files and rows, however often the work is cut off."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from axes.models import AccessAttempt, AccessLog
from celery import current_app
from django.apps import apps
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from speech.events import CheckpointSaved
from speech.synthesizer import Sentence
from speech.text import read
from studio import erasure, files, room_tones, services, statements, takes
from studio.errors import Refused
from studio.models import Clip, Consent, Erasure, Prompt, RoomTone, Speaker
from synthesis import speaker as speaking
from synthesis.models import Utterance, Voice
from synthesis.tasks import voices_sweep
from tests.studio.sounds import statement_upload, take, upload
from tests.studio.test_room_tone import room
from training import shelf
from training.models import Checkpoint, TrainingRun
from training.selectors import Part
from training.tasks import work_sweep

pytestmark = pytest.mark.usefixtures("redis_url")
SignIn = Callable[[User], Client]


@dataclasses.dataclass
class House:
    """A speaker with something in every room, and a second one whose voice started from the first one's."""

    speaker: Speaker
    run: TrainingRun
    voice: Voice
    other: Speaker
    warmed: TrainingRun
    warmed_voice: Voice
    base: Checkpoint
    said: Utterance

    def keys(self) -> set[str]:
        """All stored files that have to go."""
        ids = {str(self.speaker.pk), str(self.run.pk), str(self.warmed.pk), str(self.said.pk)}
        root = files.storage_folder()
        assert root is not None
        found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
        return {str(path) for path in found if ids & set(path.parts)}


def stored(key: str, content: bytes = b"sound") -> str:
    files.save_bytes(key, content)
    return key


def clip_of(speaker: Speaker, prompt: Prompt | None = None) -> Clip:
    return Clip.objects.create(
        speaker=speaker, prompt=prompt, text="안녕하세요.", file=stored(f"clips/{speaker.pk}/{uuid4()}.wav"),
        sha256="0" * 64, size=5, sample_rate=48_000, seconds=1.0, verdict="good", kept=True,
    )  # fmt: skip


def checkpoint_of(run: TrainingRun, sha256: str) -> Checkpoint:
    folder = f"runs/{run.pk}"
    for cached in ("bases", "voices"):
        copy = Path(settings.WORK_DIR) / cached / f"{sha256}.safetensors"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(b"weights")
    return run.checkpoints.create(
        kind="acoustic", model="tacotron2", size_name="trial", sha256=sha256, size=5,
        file=stored(f"{folder}/a-{sha256[:4]}.safetensors"), resume_file=stored(f"{folder}/a.resume.safetensors"),
        picture=stored(f"{folder}/a.png"), sample=stored(f"{folder}/a.wav"),
    )  # fmt: skip


def run_of(speaker: Speaker, base: Checkpoint | None = None) -> TrainingRun:
    run = TrainingRun.objects.create(
        speaker=speaker, state="finished", queued_at=timezone.now(), acoustic_base=base, acoustic_steps=10
    )
    run.clips.set(speaker.clips.all())
    run.events.create(seq=1, kind="state_changed", data={"state": "finished"})
    shelf.run_work_folder(run.pk).mkdir(parents=True)
    (shelf.run_work_folder(run.pk) / "clips.jsonl").write_text("안녕하세요.")
    return run


def utterance_of(voice: Voice, user: User) -> Utterance:
    row = Utterance.objects.create(voice=voice, text="비밀이에요.", requested_by=user, state="done")
    row.sentences.create(index=0, text=row.text, file=stored(f"utterances/{row.pk}/0000-a.wav"), seconds=1.0)
    Utterance.objects.filter(pk=row.pk).update(file=stored(f"utterances/{row.pk}/whole-a.wav"))
    return row


def take_arrives(speaker: Speaker, prompt: Prompt) -> None:
    sent = upload(prompt.pk)
    takes.clip_create(
        speaker=speaker, clip_id=UUID(sent["id"]), prompt=prompt, data=sent["data"], sha256=sent["sha256"]
    )


def statement_arrives(speaker: Speaker, prompt: Prompt) -> None:
    sent = statement_upload()
    statements.consent_speak(
        speaker=speaker, statement_id=UUID(sent["id"]), data=sent["data"], sha256=sent["sha256"],
        text_sha256=sent["text_sha256"], sitting=takes.Sitting(),
    )  # fmt: skip


def tone_arrives(speaker: Speaker, prompt: Prompt) -> None:
    sent = upload(0, room())
    room_tones.room_tone_create(
        speaker=speaker, tone_id=UUID(sent["id"]), data=sent["data"], sha256=sent["sha256"],
        sitting=takes.Sitting(id=uuid4()),
    )  # fmt: skip


ARRIVALS = {"take": take_arrives, "statement": statement_arrives, "room tone": tone_arrives}


@pytest.fixture
def prompt(transactional_db: None) -> Prompt:
    return Prompt.objects.create(text="안녕하세요.", text_sha256="1" * 64, corpus="test")


@pytest.fixture
def house(speaker: Speaker, listener: User, prompt: Prompt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> House:
    monkeypatch.setattr(settings, "WORK_DIR", tmp_path / "work")  # other tests leave their runs in the usual one
    services.speaker_invite(speaker=speaker)
    clip_of(speaker, prompt)
    spoken = f"consents/{speaker.pk}/{uuid4()}.wav"
    speaker.consents.update(kind=Consent.Kind.SPOKEN, file=stored(spoken), statement_id=uuid4())
    sitting = speaker.sessions.create()
    RoomTone.objects.create(
        speaker=speaker, session=sitting, file=stored(f"rooms/{speaker.pk}/{uuid4()}.wav"), sha256="0" * 64, size=5,
        sample_rate=48_000, seconds=5.0, noise_floor_dbfs=-70.0,
    )  # fmt: skip
    speaker.skips.create(prompt=prompt, reason="어려워요")
    speaker.dictionary.create(surface="GPU", reading="지피유")
    run = run_of(speaker)
    first = checkpoint_of(run, "a" * 64)
    voice = Voice.objects.create(name="mina", label="미나", speaker=speaker, acoustic=first)
    other = Speaker.objects.create(name="bora", label="보라")
    other.consents.create(text="동의합니다.", text_version="1", text_sha256="0" * 64)
    clip_of(other)
    warmed = run_of(other, base=first)
    warmed_voice = Voice.objects.create(
        name="bora", label="보라", speaker=other, acoustic=checkpoint_of(warmed, "b" * 64)
    )
    base = Checkpoint.objects.create(
        name="base", kind="acoustic", model="tacotron2", file=stored("bases/base.safetensors"), sha256="c" * 64, size=5
    )
    said = utterance_of(voice, listener)
    return House(speaker, run, voice, other, warmed, warmed_voice, base, said)


@pytest.fixture(autouse=True)
def _leave_no_files(transactional_db: None) -> Iterator[None]:
    yield
    for folder in ("clips", "consents", "rooms", "runs", "utterances"):
        files.delete_folder(folder)


def names_anywhere(pk: UUID) -> list[str]:
    """Models with a row that still holds on to a speaker."""
    found = []
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if field.remote_field and field.remote_field.model is Speaker:
                found += [model.__name__] * model.objects.filter(**{field.name: pk}).count()
    return found


def assert_gone(house: House) -> None:
    assert house.keys() == set() and names_anywhere(house.speaker.pk) == []
    assert not Speaker.objects.filter(pk=house.speaker.pk).exists()
    assert not TrainingRun.objects.exists() and not Voice.objects.exists() and not Utterance.objects.exists()
    assert list(Checkpoint.objects.all()) == [house.base]
    work = Path(settings.WORK_DIR)
    assert [path for path in work.rglob("*") if path.is_file()] == []
    assert not User.objects.filter(username="speaker-mina").exists()


def test_all_that_was_recorded_trained_and_spoken_goes_and_one_line_stays(house: House, admin: User) -> None:
    assert len(house.keys()) == 3 + 4 + 4 + 2 and len(set(names_anywhere(house.speaker.pk))) >= 7
    done = erasure.speaker_erase(speaker=house.speaker, by=admin)
    assert_gone(house)
    assert list(Erasure.objects.all()) == [done]
    assert (done.name, done.by, done.speaker_pk) == ("mina", admin, house.speaker.pk) and done.finished_at is not None
    assert done.counts == {
        "takes": 1, "statements": 1, "room_tones": 1, "runs": 2, "checkpoints": 2, "voices": 2, "utterances": 1,
        "accounts": 1,
    }  # fmt: skip


def test_a_worker_on_another_machine_removes_its_copies(house: House) -> None:
    work = Path(settings.WORK_DIR)
    theirs = {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}
    erasure.speaker_erase(speaker=house.speaker, by=None)
    for path, content in theirs.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (work / "voices" / f"{house.base.sha256}.safetensors").write_bytes(b"weights")
    with current_app.connection_for_read() as connection:
        sent = []
        for queue in ("train", "speak"):
            while message := connection.default_channel.basic_get(queue, no_ack=True):
                sent.append(message.headers["task"])
    assert {"training.work_sweep", "synthesis.voices_sweep"} <= set(sent)
    work_sweep()
    voices_sweep()
    assert [path.stem for path in work.rglob("*") if path.is_file()] == [house.base.sha256]


def test_takes_and_consent_of_others_stay_and_so_does_the_base_voice(house: House, listener: User) -> None:
    erasure.speaker_erase(speaker=house.speaker, by=None)
    clip = house.other.clips.get()
    assert files.read_bytes(clip.file) == b"sound" and house.other.consents.in_force().exists()
    assert files.read_bytes(house.base.file) == b"sound"
    assert User.objects.filter(pk=listener.pk).exists() and Prompt.objects.exists()


def test_what_the_speaker_had_other_voices_say_goes_with_the_account(house: House) -> None:
    public = Voice.objects.create(name="public", label="모두", acoustic=house.base)
    services.speaker_invite(speaker=house.speaker)
    house.speaker.refresh_from_db()
    assert house.speaker.user is not None
    own = utterance_of(public, house.speaker.user)
    erasure.speaker_erase(speaker=house.speaker, by=None)
    assert not Utterance.objects.exists() and files.names(f"utterances/{own.pk}") == []
    assert list(Voice.objects.all()) == [public]


def test_an_admin_who_was_a_speaker_keeps_the_account_and_the_texts(house: House, admin: User) -> None:
    Speaker.objects.filter(pk=house.speaker.pk).update(user=admin)
    house.speaker.refresh_from_db()
    own = utterance_of(Voice.objects.create(name="public", label="모두", acoustic=house.base), admin)
    erasure.speaker_erase(speaker=house.speaker, by=admin)
    admin.refresh_from_db()
    assert admin.is_active and list(Utterance.objects.all()) == [own]


@pytest.mark.parametrize("state", ["queued", "running"])
@pytest.mark.parametrize("whose", ["run", "warmed"])
def test_nothing_goes_while_a_run_on_the_voice_is_not_over(house: House, state: str, whose: str) -> None:
    run = getattr(house, whose)
    TrainingRun.objects.filter(pk=run.pk).update(state=state)
    before = house.keys()
    with pytest.raises(Refused) as refusal:
        erasure.speaker_erase(speaker=house.speaker, by=None)
    assert (refusal.value.code, refusal.value.status) == ("stop_run_first", 409)
    assert "먼저 멈추고" in refusal.value.message and run.speaker.label in refusal.value.message
    assert house.keys() == before and not Erasure.objects.exists()
    assert house.speaker.consents.in_force().exists()
    TrainingRun.objects.filter(pk=run.pk).update(state="stopped")
    erasure.speaker_erase(speaker=house.speaker, by=None)
    assert_gone(house)


@pytest.mark.parametrize("removed", [0, 1, 3, 6, 9, 12])
def test_cut_off_anywhere_it_goes_on_when_it_is_called_again(
    house: House, admin: User, removed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, whole = 0, files.delete_file

    def breaks_off(key: str) -> None:
        nonlocal count
        if count == removed:
            raise ConnectionError("the storage is away")
        count += 1
        whole(key)

    with monkeypatch.context() as broken:
        broken.setattr(files, "delete_file", breaks_off)
        with pytest.raises(ConnectionError):
            erasure.speaker_erase(speaker=house.speaker, by=admin)
    begun = erasure.erasure_open("mina")
    assert begun is not None and begun.counts["takes"] == 1
    house.speaker.refresh_from_db()
    assert house.speaker.user is not None and not house.speaker.user.is_active  # nobody records meanwhile
    assert not house.speaker.consents.in_force().exists()
    assert not Voice.objects.filter(speaker=house.speaker, withheld_at=None).exists()
    done = erasure.speaker_erase(speaker=house.speaker, by=None)
    assert_gone(house)
    assert (done.pk, done.by, done.counts["takes"]) == (begun.pk, admin, 1) and done.finished_at is not None


@pytest.mark.parametrize("what", ["take", "statement", "room tone"])
def test_sound_that_arrives_while_its_speaker_is_erased_leaves_nothing(
    house: House, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker, save = house.speaker, files.save_bytes

    def erased(key: str, content: bytes | Path) -> int:
        monkeypatch.setattr(files, "save_bytes", save)
        erasure.speaker_erase(speaker=Speaker.objects.get(pk=speaker.pk), by=None)
        return save(key, content)  # stored behind the erasure's back

    monkeypatch.setattr(files, "save_bytes", erased)
    with pytest.raises(Refused) as refusal:
        ARRIVALS[what](speaker, Prompt.objects.get())
    assert (refusal.value.code, refusal.value.status) == ("erased", 410)
    assert_gone(house)


@pytest.mark.parametrize("what", ["take", "statement", "room tone"])
def test_an_erasure_that_was_cut_off_lets_nothing_in_before_it_goes_on(
    house: House, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks_off(key: str) -> None:
        raise ConnectionError("the storage is away")

    with monkeypatch.context() as broken:
        broken.setattr(files, "delete_file", breaks_off)
        with pytest.raises(ConnectionError):
            erasure.speaker_erase(speaker=house.speaker, by=None)
    before = house.keys()
    with pytest.raises(Refused, match="지우고 있어서"):
        ARRIVALS[what](house.speaker, Prompt.objects.get())
    with pytest.raises(Refused, match="지우고 있어서"):
        services.consent_give(speaker=house.speaker, text="동의합니다.")
    assert house.keys() == before and not house.speaker.consents.in_force().exists()


def erase_behind(speaker: Speaker, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The speaker is erased just before a worker stores a file whose key has `part` in it."""
    save = files.save_bytes

    def erased(key: str, content: bytes | Path) -> int:
        if part in key:
            monkeypatch.undo()
            erasure.speaker_erase(speaker=speaker, by=None)
        return save(key, content)

    monkeypatch.setattr(files, "save_bytes", erased)


def test_a_text_that_is_put_together_while_its_voice_is_erased_leaves_no_sound(
    house: House, listener: User, acoustic: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    Checkpoint.objects.filter(pk=acoustic.pk).update(run=house.run)
    voice = Voice.objects.create(name="second", label="둘째", speaker=house.speaker, acoustic=acoustic)
    utterance = Utterance.objects.create(voice=voice, text="안녕하세요.", requested_by=listener)
    erase_behind(house.speaker, "/whole-", monkeypatch)
    speaking.utterance_speak(utterance.pk)
    assert not Utterance.objects.exists() and str(utterance.pk) not in files.folders("utterances")


def test_a_worker_that_was_cut_off_stores_nothing_of_an_erased_voice(
    house: House, acoustic_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resume = tmp_path / "resume"
    resume.write_bytes(b"resume")
    saved = CheckpointSaved(
        20, str(acoustic_file), "d" * 64, acoustic_file.stat().st_size, False, {}, resume=str(resume),
        resume_sha256="e" * 64, resume_size=6,
    )  # fmt: skip
    part = Part("acoustic", "tacotron2", 10, None)
    erase_behind(house.speaker, "acoustic-00000020", monkeypatch)  # its run was stopped when the lease ran out
    assert shelf.checkpoint_store(run=house.run, attempt=1, part=part, saved=saved) is None
    assert str(house.run.pk) not in files.folders("runs")


def test_when_and_from_where_the_speaker_signed_in_is_forgotten(house: House, client: Client) -> None:
    client.post(f"/enter/{services.speaker_invite(speaker=house.speaker)}/")
    client.logout()
    client.post("/sign-in/", {"username": "speaker-mina", "password": "wrong"})
    assert AccessLog.objects.filter(username="speaker-mina").exists()
    assert AccessAttempt.objects.filter(username="speaker-mina").exists()
    house.speaker.refresh_from_db()
    erasure.speaker_erase(speaker=house.speaker, by=None)
    assert not AccessLog.objects.exists() and not AccessAttempt.objects.exists()


def test_what_the_admin_noted_of_the_speaker_is_forgotten(house: House, admin: User) -> None:
    house.speaker.refresh_from_db()
    runs = (house.run, house.warmed)
    gone = (
        house.speaker,
        house.speaker.user,
        house.speaker.clips.get(),
        *runs,
        house.run.checkpoints.get(),
        house.voice,
    )
    for row in (*gone, house.said, house.other, house.base):
        kind = ContentType.objects.get_for_model(row)
        LogEntry.objects.create(user=admin, content_type=kind, object_id=row.pk, object_repr=str(row), action_flag=2)
    erasure.speaker_erase(speaker=house.speaker, by=admin)
    assert {entry.object_repr for entry in LogEntry.objects.all()} == {"보라", "base"}


def test_sessions_of_the_speaker_end_and_others_go_on(house: House, listener: User, signed_in: SignIn) -> None:
    house.speaker.refresh_from_db()
    assert house.speaker.user is not None
    signed_in(house.speaker.user)
    signed_in(house.speaker.user)
    other = signed_in(listener)
    erasure.speaker_erase(speaker=house.speaker, by=None)
    assert [session.session_key for session in Session.objects.all()] == [other.session.session_key]


def test_cut_off_after_the_row_it_is_ended_by_the_command(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    late = f"clips/{house.speaker.pk}/late.wav"

    def break_off(speaker_pk: UUID) -> None:
        if not Speaker.objects.filter(pk=speaker_pk).exists():
            stored(late)  # a take that was on its way
            raise ConnectionError("the storage is away")

    with monkeypatch.context() as broken:
        broken.setattr(erasure, "_delete_folders", break_off)
        with pytest.raises(ConnectionError):
            erasure.speaker_erase(speaker=house.speaker, by=None)
    assert house.keys() == {late} and erasure.erasure_open("mina") is not None
    namesake = Speaker.objects.create(name="mina", label="다른 미나")
    call_command("erase_speaker", "mina", stdout=StringIO())
    assert house.keys() == set() and erasure.erasure_open("mina") is None
    assert Speaker.objects.filter(pk=namesake.pk).exists()


def test_the_command_names_what_goes_and_a_second_call_does_nothing(house: House) -> None:
    out = StringIO()
    call_command("erase_speaker", "mina", "--yes", stdout=out)
    told = out.getvalue()
    assert "목소리 2  미나, 보라" in told and "학습 2  보라" in told and "모두 지웠어요" in told
    assert_gone(house)
    again = StringIO()
    call_command("erase_speaker", "mina", stdout=again)
    assert "이미 지웠어요" in again.getvalue() and Erasure.objects.count() == 1


def test_the_command_refuses_an_unknown_name_a_wrong_answer_and_a_run_that_trains(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandError, match="bora"):
        call_command("erase_speaker", "nobody", stdout=StringIO())
    monkeypatch.setattr("builtins.input", lambda _question: "boar")
    with pytest.raises(CommandError, match="그대로 적어 주세요"):
        call_command("erase_speaker", "mina", stdout=StringIO())
    TrainingRun.objects.filter(pk=house.run.pk).update(state="running")
    with pytest.raises(CommandError, match="먼저 멈추고"):
        call_command("erase_speaker", "mina", "--yes", stdout=StringIO())
    assert house.keys() and not Erasure.objects.exists()


def test_the_page_names_what_goes_and_wants_the_name_typed(house: House, signed_in: SignIn, admin: User) -> None:
    client = signed_in(admin)
    assert "/speakers/mina/erase" in client.get("/speakers/mina/").content.decode()
    page = client.get("/speakers/mina/erase").content.decode()
    assert "미나, 보라" in page and "이 목소리를 바탕으로 배운 화자:" in page and "체크포인트" in page
    wrong = client.post("/speakers/mina/erase", {"confirm": "미나"})
    assert wrong.status_code == 400 and "그대로 적어 주세요" in wrong.content.decode() and house.keys()
    right = client.post("/speakers/mina/erase", {"confirm": "mina"}, follow=True)
    assert "모두 지웠어요" in right.content.decode()
    assert_gone(house)
    line = client.get("/speakers/").content.decode()
    assert "지운 화자" in line and "녹음 1" in line and "목소리 2" in line and "이어서 지우기" not in line


def test_the_page_names_things_in_english_and_not_rooms(house: House, signed_in: SignIn, admin: User) -> None:
    page = signed_in(admin)
    page.cookies["moksori_language"] = "en"
    rows = page.get("/speakers/mina/erase").content.decode().partition("<tbody>")[2].partition("</tbody>")[0]
    assert all(f"<td>{what}" in rows for what in ("Takes", "Runs", "Checkpoints", "Voices", "Accounts"))
    done = erasure.speaker_erase(speaker=house.speaker, by=admin)
    with override("en"):
        assert erasure.erased_words(done).startswith("Takes 1, ") and "Voices 2" in erasure.erased_words(done)


def test_the_page_says_which_run_to_stop_first_and_ends_what_was_cut_off(
    house: House, signed_in: SignIn, admin: User
) -> None:
    client = signed_in(admin)
    TrainingRun.objects.filter(pk=house.warmed.pk).update(state="running")
    refused = client.post("/speakers/mina/erase", {"confirm": "mina"})
    assert refused.status_code == 409 and f"/train/{house.warmed.pk}/" in refused.content.decode()
    begun = Erasure.objects.create(speaker_pk=uuid4(), name="sora")
    assert "이어서 지우기" in client.get("/speakers/").content.decode()
    client.post(f"/erasures/{begun.pk}/go-on")
    begun.refresh_from_db()
    assert begun.finished_at is not None


def test_with_the_storage_away_the_page_and_the_command_say_what_to_do(
    house: House, signed_in: SignIn, admin: User
) -> None:
    root = files.storage_folder()
    assert root is not None
    consents = root / "consents" / str(house.speaker.pk)
    consents.rename(root / "aside")
    consents.write_bytes(b"a disk that lost its mind")  # reading such a folder raises NotADirectoryError
    client = signed_in(admin)
    page = client.post("/speakers/mina/erase", {"confirm": "mina"}, follow=True).content.decode()
    assert "이어서 지워 주세요" in page and "이어서 지우기" in page and "모두 지웠어요" not in page
    begun = erasure.erasure_open("mina")
    assert begun is not None
    page = client.post(f"/erasures/{begun.pk}/go-on", follow=True).content.decode()
    assert "이어서 지워 주세요" in page
    with pytest.raises(CommandError, match="이어서 지워요"):
        call_command("erase_speaker", "mina", "--yes", stdout=StringIO())
    consents.unlink()
    (root / "aside").rename(consents)
    call_command("erase_speaker", "mina", stdout=StringIO())
    assert_gone(house)


def test_only_an_admin_erases(house: House, signed_in: SignIn, listener: User) -> None:
    client = signed_in(listener)
    assert client.get("/speakers/mina/erase").status_code == 403
    assert client.post("/speakers/mina/erase", {"confirm": "mina"}).status_code == 403
    begun = Erasure.objects.create(speaker_pk=house.speaker.pk, name="mina")
    assert client.post(f"/erasures/{begun.pk}/go-on").status_code == 403
    assert Speaker.objects.filter(pk=house.speaker.pk).exists() and house.keys()


def test_a_take_that_was_on_its_way_is_refused_and_leaves_no_file(house: House, prompt: Prompt) -> None:
    gone = Speaker.objects.get(pk=house.speaker.pk)
    erasure.speaker_erase(speaker=house.speaker, by=None)
    sent = upload(prompt.pk, take())
    with pytest.raises(Refused) as refusal:
        takes.clip_create(
            speaker=gone, clip_id=UUID(sent["id"]), prompt=prompt, data=sent["data"], sha256=sent["sha256"]
        )
    assert (refusal.value.code, refusal.value.status) == ("erased", 410)
    assert house.keys() == set() and not Clip.objects.filter(speaker_id=gone.pk).exists()


def test_a_sentence_that_a_worker_was_about_to_keep_leaves_no_file(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Utterance.objects.create(voice=house.voice, text="비밀이에요. 정말이에요.")
    owner = speaking.claim(asked.pk)
    assert owner is not None
    words = Sentence(
        0, 2, "비밀이에요.", read("비밀이에요."), np.zeros(100, np.float32), 22_050, 100 / 22_050, False, 1.0
    )
    delete_folder = files.delete_folder

    def delete(key: str) -> None:
        delete_folder(key)
        if key == f"utterances/{asked.pk}":
            monkeypatch.setattr(files, "delete_folder", delete_folder)
            with suppress(speaking.LostLease):
                speaking._keep(owner, words, 0.1)

    monkeypatch.setattr(files, "delete_folder", delete)
    erasure.speaker_erase(speaker=house.speaker, by=None)
    assert not Utterance.objects.exists()
    assert files.names(f"utterances/{asked.pk}") == []
