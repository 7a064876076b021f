"""A worker speaks: claim, sentences in order, limits, stops, turns, what a dead worker leaves."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import threading
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from celery import current_app
from django.contrib.auth.models import User
from django.db import OperationalError, connections
from django.utils import timezone

from speech.checkpoint import open_any, write_weights
from speech.synthesizer import Sentence
from speech.wav import to_float32
from studio import files, sweep
from synthesis import events, selectors, services, speaker, voices
from synthesis.models import Utterance, Voice
from synthesis.sound import pcm_of
from tests.synthesis.babble import store, write_acoustic, write_vocoder
from training import drain
from training.models import Checkpoint
from training.selectors import messages_waiting
from training.watch import LeaseWatch

pytestmark = pytest.mark.usefixtures("redis_url")
TEXT = "안녕하세요. 오늘은 날씨가 좋네요! 어디로 갈까요?"


def at_pace(path: Path, pace: float) -> Path:
    """A voice that learned from somebody who says `pace` syllables a second."""
    saved = open_any(write_acoustic(path), expect_kind="acoustic")
    write_weights(path, dataclasses.replace(saved.header, pace=pace), dict(saved.tensors))
    return path


def request(voice: Voice, user: User | None, text: str = TEXT, **more) -> Utterance:
    return services.utterance_request(voice=voice, text=text, requested_by=user, **more)


def sound_of(utterance: Utterance) -> np.ndarray:
    pcm, rate = pcm_of(files.read_bytes(utterance.file))
    assert rate == 22_050
    return np.frombuffer(pcm, dtype="<i2")


def test_a_text_is_spoken_sentence_by_sentence(voice: Voice, listener: User) -> None:
    utterance = request(voice, listener)
    speaker.utterance_speak(utterance.pk)
    utterance.refresh_from_db()
    assert utterance.state == Utterance.State.DONE
    assert utterance.sentence_count == 3
    sentences = list(utterance.sentences.all())
    assert [each.text for each in sentences] == ["안녕하세요.", "오늘은 날씨가 좋네요!", "어디로 갈까요?"]
    assert [each.index for each in sentences] == [0, 1, 2]
    assert utterance.seconds == pytest.approx(sum(each.seconds for each in sentences))


def test_the_whole_file_is_the_sentences_end_to_end_and_not_silent(voice: Voice, listener: User) -> None:
    utterance = request(voice, listener)
    speaker.utterance_speak(utterance.pk)
    utterance.refresh_from_db()
    parts = [pcm_of(files.read_bytes(each.file))[0] for each in utterance.sentences.all()]
    sound = sound_of(utterance)
    assert sound.tobytes() == b"".join(parts)
    assert np.sqrt(np.mean(to_float32(sound) ** 2)) > 0.001


def test_the_same_seed_gives_the_same_sound_and_another_seed_another(voice: Voice, listener: User) -> None:
    hashes = []
    for seed in (7, 7, 8):
        utterance = request(voice, listener, seed=seed)
        speaker.utterance_speak(utterance.pk)
        utterance.refresh_from_db()
        hashes.append(hashlib.sha256(sound_of(utterance).tobytes()).hexdigest())
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_vocoder_speaks_where_the_voice_has_one(voice: Voice, listener: User, vocoder_file: Path) -> None:
    plain = request(voice, listener, "안녕하세요.")
    speaker.utterance_speak(plain.pk)
    services.voice_update(
        voice=voice, acoustic=voice.acoustic, vocoder=store(vocoder_file, kind="vocoder", model="waveglow")
    )
    sung = request(voice, listener, "안녕하세요.")
    speaker.utterance_speak(sung.pk)
    plain.refresh_from_db()
    sung.refresh_from_db()
    assert sung.state == Utterance.State.DONE
    assert sound_of(plain).tobytes() != sound_of(sung).tobytes()


def test_a_sentence_that_runs_into_the_limit_says_so(listener: User, tmp_path: Path) -> None:
    endless = store(write_acoustic(tmp_path / "endless.safetensors", endless=True))
    voice = Voice.objects.create(name="endless", label="끝없는", acoustic=endless)
    utterance = request(voice, listener, "안녕하세요.")
    speaker.utterance_speak(utterance.pk)
    utterance.refresh_from_db()
    assert utterance.state == Utterance.State.DONE
    assert utterance.sentences.get().reached_limit
    assert selectors.utterance_state(utterance)["sentences"][0]["reached_limit"] is True


def test_two_workers_that_get_the_same_message_speak_it_once(voice: Voice, listener: User) -> None:
    utterance = request(voice, listener)
    won: list[bool] = []

    def try_it() -> None:
        try:
            won.append(speaker.claim(utterance.pk) is not None)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]


def test_a_message_for_something_deleted_or_ended_does_nothing(voice: Voice, listener: User) -> None:
    utterance = request(voice, listener)
    services.utterance_stop(utterance=utterance)
    speaker.utterance_speak(utterance.pk)
    utterance.refresh_from_db()
    assert utterance.state == Utterance.State.STOPPED
    assert not utterance.sentences.exists()
    services.utterance_delete(utterance=utterance)
    speaker.utterance_speak("00000000-0000-0000-0000-000000000000")


def test_a_stop_keeps_what_is_spoken(voice: Voice, listener: User) -> None:
    utterance = request(voice, listener)
    Utterance.objects.filter(pk=utterance.pk).update(stop_requested=True)
    speaker.utterance_speak(utterance.pk)
    utterance.refresh_from_db()
    assert utterance.state == Utterance.State.STOPPED
    assert utterance.sentences.count() == 1
    assert sound_of(utterance).size > 0


def test_a_long_text_lets_another_go_first_and_goes_on_behind_it(voice: Voice, listener: User) -> None:
    long = request(voice, listener, " ".join(f"{number}번째 문장이에요." for number in range(1, 7)))
    request(voice, None, "잠깐만요.")
    speaker.utterance_speak(long.pk)
    long.refresh_from_db()
    assert long.state == Utterance.State.QUEUED
    assert long.sentences.count() == speaker.TURN_SENTENCES
    assert selectors.queue_position(long) == 1
    Utterance.objects.exclude(pk=long.pk).delete()
    speaker.utterance_speak(long.pk)
    long.refresh_from_db()
    assert long.state == Utterance.State.DONE
    assert [each.index for each in long.sentences.all()] == list(range(6))


def test_a_worker_that_must_go_leaves_the_rest_to_the_next(voice: Voice, listener: User) -> None:
    whole = request(voice, listener)
    speaker.utterance_speak(whole.pk)
    parted = request(voice, listener)
    drain.request()
    speaker.utterance_speak(parted.pk)
    parted.refresh_from_db()
    assert parted.state == Utterance.State.QUEUED
    assert parted.sentences.count() == 1
    drain.clear()
    speaker.utterance_speak(parted.pk)
    whole.refresh_from_db()
    parted.refresh_from_db()
    assert sound_of(parted).tobytes() == sound_of(whole).tobytes()


def test_a_text_that_is_stopped_between_its_turns_keeps_what_is_spoken(voice: Voice, listener: User) -> None:
    utterance = request(voice, listener)
    drain.request()
    speaker.utterance_speak(utterance.pk)
    stopped = services.utterance_stop(utterance=Utterance.objects.get(pk=utterance.pk))
    assert stopped.state == Utterance.State.STOPPED
    assert sound_of(stopped).tobytes() == pcm_of(files.read_bytes(stopped.sentences.get().file))[0]
    assert events.all_events(stopped)[-1]["data"]["download"]


def test_a_stop_that_a_dead_worker_did_not_hear_keeps_what_is_spoken(voice: Voice, listener: User) -> None:
    utterance = request(voice, listener)
    drain.request()
    speaker.utterance_speak(utterance.pk)
    speaker.claim(utterance.pk)
    Utterance.objects.update(stop_requested=True, lease_until=timezone.now() - timedelta(seconds=1))
    services.utterances_reconcile()
    utterance.refresh_from_db()
    assert utterance.state == Utterance.State.STOPPED
    assert sound_of(utterance).size > 0


def test_a_voice_that_is_renewed_in_the_middle_says_every_word_once(
    voice: Voice, listener: User, tmp_path: Path
) -> None:
    text = (
        "아침에 일찍 일어나서 밥을 먹고 학교에 갔다가 친구를 만나서 함께 공부하고 저녁에는 집으로 돌아와 책을 읽었다."
    )
    services.voice_update(voice=voice, acoustic=store(at_pace(tmp_path / "slow.safetensors", 1.5)), vocoder=None)
    utterance = request(voice, listener, text)
    drain.request()
    speaker.utterance_speak(utterance.pk)
    drain.clear()
    services.voice_update(voice=voice, acoustic=store(at_pace(tmp_path / "fast.safetensors", 6.0)), vocoder=None)
    speaker.utterance_speak(utterance.pk)
    utterance.refresh_from_db()
    said = [sentence.text for sentence in utterance.sentences.order_by("index")]
    assert len(said) == utterance.sentence_count > 2
    assert " ".join(said) == text


def test_who_lost_the_lease_writes_nothing_more(voice: Voice, listener: User) -> None:
    utterance = request(voice, listener)
    owner = speaker.claim(utterance.pk)
    assert owner is not None
    Utterance.objects.filter(pk=utterance.pk).update(attempt=2)
    sentence = next(iter(voices.get(voice).stream("안녕하세요.")))
    with pytest.raises(speaker.LostLease):
        speaker._keep(owner, sentence, 0.1)
    assert not utterance.sentences.exists()


def test_what_a_dead_worker_left_is_sent_again(voice: Voice, listener: User) -> None:
    utterance = request(voice, listener)
    speaker.claim(utterance.pk)
    assert services.utterances_reconcile() == 0
    Utterance.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert services.utterances_reconcile() == 1
    utterance.refresh_from_db()
    assert (utterance.state, utterance.failures) == (Utterance.State.QUEUED, 1)


def renewed(utterance: Utterance, ahead: timedelta) -> None:
    """As a worker does it whose clock is `ahead`, or behind."""
    Utterance.objects.filter(pk=utterance.pk).update(lease_until=timezone.now() + ahead)


def test_a_text_stays_with_a_worker_that_is_heard_of_whatever_its_clock_says(voice: Voice, listener: User) -> None:
    utterance = request(voice, listener)
    speaker.claim(utterance.pk)
    now = [0.0]
    watch = LeaseWatch(lambda: now[0])
    for beat in range(40):
        now[0] = beat * speaker.BEAT_SECONDS
        renewed(utterance, timedelta(hours=-1))
        assert services.utterances_reconcile(watch) == 0
    now[0] += services.LEASE.total_seconds() / 2  # and then no more
    assert services.utterances_reconcile(watch) == 1
    utterance.refresh_from_db()
    assert (utterance.state, utterance.failures) == (Utterance.State.QUEUED, 1)


def test_a_text_is_taken_from_a_worker_that_died_whatever_its_clock_said(voice: Voice, listener: User) -> None:
    utterance = request(voice, listener)
    speaker.claim(utterance.pk)
    renewed(utterance, timedelta(hours=1))
    now = [0.0]
    watch = LeaseWatch(lambda: now[0])
    assert services.utterances_reconcile(watch) == 0
    now[0] = services.LEASE.total_seconds()
    assert services.utterances_reconcile(watch) == 0
    now[0] *= 1.25
    assert services.utterances_reconcile(watch) == 1


def test_a_worker_that_is_heard_of_again_just_then_keeps_its_text(
    voice: Voice, listener: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    utterance = request(voice, listener)
    speaker.claim(utterance.pk)
    renewed(utterance, timedelta(seconds=-1))
    take_back = services._take_back

    def too_late(silent: Utterance) -> None:
        renewed(utterance, services.LEASE)
        take_back(silent)

    monkeypatch.setattr(services, "_take_back", too_late)
    assert services.utterances_reconcile() == 0
    utterance.refresh_from_db()
    assert (utterance.state, utterance.failures) == (Utterance.State.SPEAKING, 0)


def test_the_sweep_takes_sounds_of_no_text_and_leaves_what_was_said(voice: Voice, listener: User) -> None:
    utterance = request(voice, listener)
    speaker.utterance_speak(utterance.pk)
    said = selectors.files_known(str(utterance.pk))
    stray = f"utterances/{utterance.pk}/0000-of-another-worker.wav"
    lost = "utterances/00000000-0000-0000-0000-000000000000/0000-of-a-deleted-text.wav"
    root = files.storage_folder()
    assert root is not None and len(said) == 4
    for key in (stray, lost):
        files.save_bytes(key, b"sound")
    for key in (*said, stray, lost):
        os.utime(root / key, (0, 0))
    assert {stray, lost} <= set(sweep.files_sweep_unwatched())
    assert {f"utterances/{utterance.pk}/{name}" for name in files.names(f"utterances/{utterance.pk}/")} == said


def test_a_database_that_was_away_costs_no_text(voice: Voice, listener: User, monkeypatch: pytest.MonkeyPatch) -> None:
    utterance = request(voice, listener)
    keep = speaker._keep

    def cut(owner: Utterance, sentence: Sentence, seconds: float) -> None:
        if sentence.index == 1:
            raise OperationalError("terminating connection due to administrator command")
        keep(owner, sentence, seconds)

    with monkeypatch.context() as away:
        away.setattr(speaker, "_keep", cut)
        speaker.utterance_speak(utterance.pk)
    utterance.refresh_from_db()
    assert (utterance.state, utterance.error) == (Utterance.State.SPEAKING, {})  # until its lease runs out
    Utterance.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    services.utterances_reconcile()
    speaker.utterance_speak(utterance.pk)
    utterance.refresh_from_db()
    assert (utterance.state, utterance.attempt) == (Utterance.State.DONE, 2)
    assert [each.index for each in utterance.sentences.all()] == [0, 1, 2]


def test_a_text_that_kills_every_worker_is_given_up(voice: Voice, listener: User) -> None:
    utterance = request(voice, listener)
    for _ in range(services.FAILURES):
        assert speaker.claim(utterance.pk)
        Utterance.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        services.utterances_reconcile()
    utterance.refresh_from_db()
    assert utterance.state == Utterance.State.FAILED
    assert utterance.error["code"] == "worker_died"


def purge() -> None:
    with current_app.connection_for_write() as connection:
        connection.default_channel.queue_purge(services.QUEUE)


def test_a_queued_text_whose_message_was_lost_is_sent_again(voice: Voice, listener: User) -> None:
    request(voice, listener)
    assert services.utterances_reconcile() == 0
    Utterance.objects.update(sent_at=timezone.now() - timedelta(minutes=5))
    purge()
    assert services.utterances_reconcile() == 1


def test_a_text_that_waits_long_has_one_message(voice: Voice, listener: User) -> None:
    purge()
    for _ in range(3):
        request(voice, listener)
    for _ in range(4):
        Utterance.objects.update(sent_at=timezone.now() - timedelta(minutes=5))
        services.utterances_reconcile()
    assert messages_waiting(services.QUEUE) == 3


def test_a_damaged_checkpoint_fails_with_words_and_is_shown_to_the_admin(voice: Voice, listener: User) -> None:
    content = bytearray(files.read_bytes(voice.acoustic.file))
    content[-20] ^= 1
    files.save_bytes(voice.acoustic.file, bytes(content))
    utterance = request(voice, listener)
    speaker.utterance_speak(utterance.pk)
    utterance.refresh_from_db()
    voice.refresh_from_db()
    assert utterance.state == Utterance.State.FAILED
    assert utterance.error["code"] == voice.error["code"] == "damaged"
    assert "다른 목소리를 고르고" in events.error_data(utterance.error)["message"]
    assert "다른 것을 골라" in voice.error_words


def test_sounds_that_a_voice_never_learned_are_named_one_by_one() -> None:
    kept = {"code": "unknown_symbol", "message": "It never learned them.", "params": {"symbols": ["ㅿ", "ㆆ"]}}
    assert events.error_data(kept)["message"] == "이 목소리가 배우지 않은 소리가 있어요: ㅿ, ㆆ"


def test_a_vocoder_of_another_mel_is_told_when_the_voice_is_loaded(voice: Voice, tmp_path: Path) -> None:
    from speech.config import AudioConfig

    other = write_vocoder(tmp_path / "other.safetensors", AudioConfig(sample_rate=24_000))
    services.voice_update(voice=voice, acoustic=voice.acoustic, vocoder=store(other, kind="vocoder", model="waveglow"))
    speaker.voice_preload(voice.pk)
    voice.refresh_from_db()
    assert voice.error["code"] == "other_audio"


def test_the_voice_that_spoke_last_is_loaded_ahead(
    voice: Voice, listener: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Voice] = []
    monkeypatch.setattr(voices, "get", asked.append)
    base = Voice.objects.create(name="base", label="기본 목소리", acoustic=voice.acoustic)
    Voice.objects.create(name="test", label="시험", acoustic=voice.acoustic)
    speaker.voice_preload()
    request(voice, listener)
    speaker.voice_preload()
    assert asked == [base, voice]


def test_the_file_is_brought_from_storage_once_and_kept(voice: Voice) -> None:
    first = voices.fetch(voice.acoustic)
    files.delete_file(voice.acoustic.file)
    assert voices.fetch(voice.acoustic) == first
    assert hashlib.sha256(first.read_bytes()).hexdigest() == voice.acoustic.sha256


def test_a_copy_that_was_cut_is_brought_again(voice: Voice) -> None:
    copy = voices.fetch(voice.acoustic)
    whole = copy.read_bytes()
    copy.write_bytes(whole[:1000])
    assert voices.fetch(voice.acoustic).read_bytes() == whole


def test_only_the_newest_voices_stay_loaded(voice: Voice, acoustic: Checkpoint, tmp_path: Path) -> None:
    loaded = [voices.get(voice)]
    for seed in (3, 4):
        file = write_acoustic(tmp_path / f"{seed}.safetensors", seed=seed)
        loaded.append(voices.get(Voice.objects.create(name=f"v{seed}", label="v", acoustic=store(file))))
    assert voices.get(Voice.objects.get(name="v4")) is loaded[2]
    assert voices.get(voice) is not loaded[0]


def test_events_are_numbered_without_gaps_and_the_same_after_a_reload(voice: Voice, listener: User) -> None:
    utterance = request(voice, listener)
    assert events.all_events(utterance) == []
    speaker.utterance_speak(utterance.pk)
    utterance.refresh_from_db()
    happened = selectors.events_after(utterance, 0, 100)
    assert [each["seq"] for each in happened] == [1, 2, 3, 4, 5]
    assert [each["kind"] for each in happened] == ["split", "sentence", "sentence", "sentence", "end"]
    assert selectors.events_after(utterance, 3, 100) == happened[3:]
    assert selectors.utterance_state(utterance)["last_seq"] == 5
