"""Publishing, requests, listeners and keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from speech.errors import BadText
from studio import files
from studio.errors import Refused
from studio.models import Speaker
from synthesis import selectors, services, whole
from synthesis import speaker as speaking
from synthesis.models import Utterance, Voice
from tests.synthesis.babble import store
from training.models import Checkpoint, TrainingRun

pytestmark = pytest.mark.usefixtures("redis_url")


@pytest.fixture
def run(speaker: Speaker) -> TrainingRun:
    return TrainingRun.objects.create(speaker=speaker, state="finished", queued_at=timezone.now())


def refused(code: str, call, **values) -> Refused:
    with pytest.raises(Refused) as refusal:
        call(**values)
    assert refusal.value.code == code
    return refusal.value


def test_a_checkpoint_becomes_a_voice_of_its_speaker(run: TrainingRun, acoustic_file: Path, admin: User) -> None:
    checkpoint = store(acoustic_file, run=run)
    voice = services.voice_publish(acoustic=checkpoint, name="Mina", label=" 미나 ", published_by=admin)
    assert (voice.name, voice.label, voice.speaker) == ("mina", "미나", run.speaker)
    assert list(selectors.voices_in_use()) == [voice]


def test_a_name_is_given_once(acoustic: Checkpoint, voice: Voice) -> None:
    refusal = refused("name_taken", services.voice_publish, acoustic=acoustic, name="mina", label="다른 미나")
    assert refusal.status == 409
    assert Voice.objects.count() == 1


def test_a_checkpoint_that_was_thinned_out_meanwhile_is_refused(
    acoustic: Checkpoint, voice: Voice, acoustic_file: Path, vocoder_file: Path
) -> None:
    chosen = store(acoustic_file, name="newer")
    sound = store(vocoder_file, kind="vocoder", model="waveglow")
    Checkpoint.objects.filter(pk=sound.pk).delete()
    parts = {"acoustic": chosen, "vocoder": sound}
    assert refused("checkpoint_gone", services.voice_publish, name="jun", label="준", **parts).status == 409
    refused("checkpoint_gone", services.voice_update, voice=voice, **parts)
    voice.refresh_from_db()
    assert (voice.acoustic, voice.vocoder, Voice.objects.count()) == (acoustic, None, 1)


@pytest.mark.parametrize(
    ("name", "label", "code"),
    [("미나", "미나", "bad_name"), ("a b", "미나", "bad_name"), ("", "미나", "bad_name"), ("mina", "  ", "no_label")],
)
def test_a_bad_name_is_refused(acoustic: Checkpoint, name: str, label: str, code: str) -> None:
    refused(code, services.voice_publish, acoustic=acoustic, name=name, label=label)


def test_without_consent_in_force_nothing_is_published(run: TrainingRun, acoustic_file: Path) -> None:
    checkpoint = store(acoustic_file, run=run)
    run.speaker.consents.update(withdrawn_at=timezone.now())
    refused("no_consent", services.voice_publish, acoustic=checkpoint, name="mina", label="미나")


def test_a_voice_whose_speaker_withdrew_consent_is_marked(run: TrainingRun, acoustic_file: Path) -> None:
    services.voice_publish(acoustic=store(acoustic_file, run=run), name="mina", label="미나")
    assert [voice.consent_withdrawn for voice in selectors.voices_all()] == [False]
    run.speaker.consents.update(withdrawn_at=timezone.now())
    assert [voice.consent_withdrawn for voice in selectors.voices_all()] == [True]


def test_acoustic_and_vocoder_are_not_mistaken_for_each_other(acoustic: Checkpoint, vocoder_file: Path) -> None:
    vocoder = store(vocoder_file, kind="vocoder", model="waveglow")
    refused("not_acoustic", services.voice_publish, acoustic=vocoder, name="a", label="a")
    refused("not_a_vocoder", services.voice_publish, acoustic=acoustic, vocoder=acoustic, name="a", label="a")


def test_the_best_vocoder_of_the_run_is_taken_then_the_speakers_then_a_base(
    run: TrainingRun, acoustic_file: Path, vocoder_file: Path
) -> None:
    checkpoint = store(acoustic_file, run=run)
    values = {"kind": "vocoder", "model": "waveglow"}
    assert selectors.vocoder_for(checkpoint) is None
    base = store(vocoder_file, **values)
    assert selectors.vocoder_for(checkpoint) == base
    earlier = TrainingRun.objects.create(speaker=run.speaker, state="finished", queued_at=timezone.now())
    before = store(vocoder_file, run=earlier, **values)
    assert selectors.vocoder_for(checkpoint) == before
    best = store(vocoder_file, run=run, best=True, step=200, **values)
    store(vocoder_file, run=run, step=300, **values)
    assert selectors.vocoder_for(checkpoint) == best


def test_a_voice_is_not_renewed_with_another_speakers_checkpoint(run: TrainingRun, acoustic_file: Path) -> None:
    voice = services.voice_publish(acoustic=store(acoustic_file, run=run), name="mina", label="미나")
    other = TrainingRun.objects.create(
        speaker=Speaker.objects.create(name="bora", label="보라"), state="finished", queued_at=timezone.now()
    )
    other.speaker.consents.create(text="동의합니다.", text_version="1", text_sha256="0" * 64)
    refused("other_speaker", services.voice_update, voice=voice, acoustic=store(acoustic_file, run=other), vocoder=None)


def test_a_voice_of_nobodys_is_not_renewed_with_a_speakers_checkpoint(
    voice: Voice, run: TrainingRun, acoustic_file: Path
) -> None:
    refused("other_speaker", services.voice_update, voice=voice, acoustic=store(acoustic_file, run=run), vocoder=None)


def test_a_retired_voice_speaks_no_more_and_comes_back(voice: Voice, listener: User) -> None:
    services.voice_retire(voice=voice)
    assert selectors.voice_named("mina") is None
    refused("voice_retired", services.utterance_request, voice=voice, text="안녕하세요.", requested_by=listener)
    services.voice_restore(voice=voice)
    assert selectors.voice_named("mina") == voice


@pytest.mark.parametrize(("text", "code"), [("", "empty_text"), (" \n ", "empty_text"), ("가" * 5001, "text_too_long")])
def test_a_text_that_is_empty_or_too_long_is_refused(voice: Voice, listener: User, text: str, code: str) -> None:
    refused(code, services.utterance_request, voice=voice, text=text, requested_by=listener)
    assert not Utterance.objects.exists()


@pytest.mark.parametrize("text", ["😀", "…!?", "\u200b\u200b."])
def test_a_text_with_nothing_to_read_is_refused(voice: Voice, listener: User, text: str) -> None:
    with pytest.raises(BadText) as refusal:
        services.utterance_request(voice=voice, text=text, requested_by=listener)
    assert refusal.value.code == "nothing_to_read"


def test_a_line_without_words_is_passed_over_and_the_rest_is_spoken(voice: Voice, listener: User) -> None:
    utterance = services.utterance_request(voice=voice, text="안녕하세요.\n😀\n반가워요.", requested_by=listener)
    speaking.utterance_speak(utterance.pk)
    utterance.refresh_from_db()
    assert [each.text for each in utterance.sentences.all()] == ["안녕하세요.", "반가워요."]
    assert utterance.state == Utterance.State.DONE


def test_a_text_is_kept_with_one_kind_of_line_end_and_without_what_no_database_keeps(
    voice: Voice, listener: User
) -> None:
    utterance = services.utterance_request(voice=voice, text=" 안녕\0하세요.\r\n반가워요.\n", requested_by=listener)
    utterance.refresh_from_db()
    assert utterance.text == "안녕\ufffd하세요.\n반가워요."


def test_one_person_cannot_fill_the_queue(voice: Voice, listener: User, admin: User) -> None:
    for _ in range(services.UNFINISHED_LIMIT):
        services.utterance_request(voice=voice, text="안녕하세요.", requested_by=listener)
    refusal = refused(
        "too_many_waiting", services.utterance_request, voice=voice, text="하나 더.", requested_by=listener
    )
    assert refusal.status == 429
    services.utterance_request(voice=voice, text="나도요.", requested_by=admin)


def test_deleting_takes_the_sound_out_of_storage(voice: Voice, listener: User) -> None:
    utterance = services.utterance_request(voice=voice, text="안녕하세요.", requested_by=listener)
    speaking.utterance_speak(utterance.pk)
    utterance.refresh_from_db()
    keys = [utterance.file, utterance.sentences.get().file]
    services.utterance_delete(utterance=utterance)
    assert not Utterance.objects.exists()
    for key in keys:
        with pytest.raises(FileNotFoundError):
            files.read_bytes(key)


def test_deleting_while_it_is_spoken_leaves_no_file(voice: Voice, listener: User) -> None:
    from synthesis import voices

    utterance = services.utterance_request(voice=voice, text="안녕하세요.", requested_by=listener)
    owner = speaking.claim(utterance.pk)
    assert owner is not None
    sentence = next(iter(voices.get(voice).stream("안녕하세요.")))
    services.utterance_delete(utterance=Utterance.objects.get(pk=utterance.pk))
    with pytest.raises(speaking.LostLease):
        speaking._keep(owner, sentence, 0.1)
    assert files.names(f"utterances/{utterance.pk}") == []


def test_deleting_while_the_whole_is_joined_leaves_no_file(
    voice: Voice, listener: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    utterance = services.utterance_request(voice=voice, text="안녕하세요.", requested_by=listener)
    save_bytes = files.save_bytes

    def save(key: str, content: bytes) -> int:
        if "whole" in key:
            services.utterance_delete(utterance=Utterance.objects.get(pk=utterance.pk))
        return save_bytes(key, content)

    monkeypatch.setattr(files, "save_bytes", save)
    speaking.utterance_speak(utterance.pk)
    assert files.names(f"utterances/{utterance.pk}") == []


def test_a_sound_that_came_too_late_goes_and_what_rows_have_stays(voice: Voice, listener: User) -> None:
    other, utterance = (
        services.utterance_request(voice=voice, text=text, requested_by=listener) for text in ("안녕.", "반가워요.")
    )
    for each in (other, utterance):
        speaking.utterance_speak(each.pk)
        each.refresh_from_db()
    kept = [utterance.file, utterance.sentences.get().file]
    late = f"utterances/{utterance.pk}/late.wav"
    files.save_bytes(late, b"another worker's")
    for key in (*kept, late):
        whole.drop(utterance, key)
    folder = f"utterances/{utterance.pk}"
    assert {f"{folder}/{name}" for name in files.names(folder)} == set(kept)
    Utterance.objects.filter(pk=utterance.pk).delete()
    whole.drop(utterance, late)
    assert files.names(folder) == [] and files.read_bytes(other.file)


def test_a_key_opens_until_it_is_revoked(listener: User) -> None:
    token, key = services.api_token_create(user=listener, label="집")
    assert key not in str(token.token_sha256)
    assert selectors.user_of_token(key) == listener
    token.refresh_from_db()
    assert token.last_used_at is not None
    services.api_token_revoke(token=token)
    assert selectors.user_of_token(key) is None


def test_a_key_of_somebody_shut_out_opens_nothing(listener: User) -> None:
    _token, key = services.api_token_create(user=listener, label="집")
    User.objects.filter(pk=listener.pk).update(is_active=False)
    assert selectors.user_of_token(key) is None


def test_a_listener_comes_in_by_the_link_once(db: None) -> None:
    from studio.services import sign_in_link_use

    user, token = services.listener_invite(label="지호")
    assert user.first_name == "지호"
    assert not user.is_staff
    assert sign_in_link_use(token=token) == user
    assert sign_in_link_use(token=token) is None
