"""Writes of the speaking room: voices, utterances, listeners and keys. What a worker writes is in `speaker`."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from celery import current_app
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from studio import files, hints
from studio.dictionary import choices_checked
from studio.errors import Refused
from synthesis import events, reading, selectors, whole
from synthesis.models import ApiToken, Utterance, Voice
from synthesis.words import ERROR_WORDS
from training.models import Checkpoint
from training.selectors import messages_waiting, speaker_withdrawn
from training.services import checkpoints_lock
from training.watch import LeaseWatch, has_run_out

logger = logging.getLogger(__name__)

SPEAK_TASK = "synthesis.utterance_speak"
PRELOAD_TASK = "synthesis.voice_preload"
SWEEP_TASK = "synthesis.voices_sweep"
QUEUE = "speak"

UNFINISHED_LIMIT = 6  # utterances of one person that may wait or be spoken at once
LEASE = timedelta(seconds=10)  # a worker renews it five times in this time; somebody waits for the next sentence
RESEND_AFTER = timedelta(seconds=15)
FAILURES = 3  # a sentence that kills the worker is not tried for ever


def voice_publish(
    *,
    acoustic: Checkpoint,
    name: str,
    label: str,
    vocoder: Checkpoint | None = None,
    published_by: User | None = None,
    preload: bool = True,
) -> Voice:
    """Make a checkpoint heard under a name. Without a vocoder it speaks through Griffin-Lim.

    `preload`: have a worker load it before it is first asked for.
    Raises Refused: not_acoustic, not_a_vocoder, no_consent, bad_name, no_label, name_taken, checkpoint_gone; the name
    of the voice that ships is taken, whether that is there or not.
    """
    name, label = name.strip().lower(), label.strip()
    _check_parts(acoustic, vocoder)
    if not name or slugify(name) != name or len(name) > 64:
        raise Refused("bad_name", _("이름은 영문 소문자, 숫자, 붙임표로 64자까지 적어 주세요."), name=name)
    if not label:
        raise Refused("no_label", _("목소리를 부를 이름을 적어 주세요."))
    if name == selectors.BASE_NAME:
        raise _name_taken(name)
    speaker = acoustic.run.speaker if acoustic.run else None
    try:
        with transaction.atomic():
            _hold_parts(acoustic, vocoder)
            voice = Voice.objects.create(
                name=name,
                label=label[:80],
                speaker=speaker,
                acoustic=acoustic,
                vocoder=vocoder,
                published_by=published_by,
            )
            if preload:
                transaction.on_commit(lambda: _tell_preload(voice.pk))
    except IntegrityError:
        raise _name_taken(name) from None
    return voice


def voice_update(*, voice: Voice, acoustic: Checkpoint, vocoder: Checkpoint | None, preload: bool = True) -> Voice:
    """Give a voice newer checkpoints; its name and what was spoken with it stay.

    Never another's: what it said so far would count as that speaker's, and go with the speaker's consent.
    Raises Refused: not_acoustic, not_a_vocoder, no_consent, base_voice, other_speaker, checkpoint_gone.
    """
    _check_parts(acoustic, vocoder)
    if selectors.is_base_voice(voice):
        raise Refused("base_voice", _("기본 목소리는 바꿀 수 없어요. 새 목소리로 공개해 주세요."), status=409)
    speaker = acoustic.run.speaker if acoustic.run else None
    if speaker != voice.speaker:
        raise Refused("other_speaker", _("다른 화자의 체크포인트예요. 새 목소리로 공개해 주세요."), status=409)
    with transaction.atomic():
        _hold_parts(acoustic, vocoder)
        voice.acoustic, voice.vocoder, voice.error = acoustic, vocoder, {}
        voice.save(update_fields=["acoustic", "vocoder", "error"])
        if preload:
            transaction.on_commit(lambda: _tell_preload(voice.pk))
    return voice


def base_voice_publish(*, acoustic: Checkpoint, vocoder: Checkpoint | None) -> Voice:
    """Make the base voice heard, bring it up to date, or back where it is silent. One that was retired stays so.

    A speaker's own voice under its name is left alone. It is not loaded ahead: this happens before anything else is
    started.
    """
    voice = selectors.base_voice()
    if voice is not None and not selectors.is_base_voice(voice):
        return voice
    if voice is not None and _handed_over(voice):
        voice = None
    if voice is None:
        name, label = selectors.BASE_NAME, _("기본 목소리")
        return Voice.objects.create(name=name, label=label, acoustic=acoustic, vocoder=vocoder)
    voice.acoustic, voice.vocoder, voice.error, voice.withheld_at = acoustic, vocoder, {}, None
    voice.save(update_fields=["acoustic", "vocoder", "error", "withheld_at"])
    return voice


def _handed_over(voice: Voice) -> bool:
    """Whether a speaker's checkpoint was put over the base voice, as was once possible; it is the speaker's own then.

    All that it said goes along: nothing tells which of the two said it, and what may be the speaker's has to go with
    the speaker.
    """
    run = voice.acoustic.run or (voice.vocoder and voice.vocoder.run)
    if not run:
        return False
    voice.name, voice.label = selectors.voice_name_free(run.speaker.name), run.speaker.label
    voice.speaker = run.speaker
    voice.save(update_fields=["name", "label", "speaker"])
    logger.warning("A voice of %s was in the base voice's place; it is called %s now.", run.speaker.name, voice.name)
    return True


def voice_rename(*, voice: Voice, label: str) -> Voice:
    """Change how a voice is called on the pages. Raises Refused no_label."""
    if not label.strip():
        raise Refused("no_label", _("목소리를 부를 이름을 적어 주세요."))
    voice.label = label.strip()[:80]
    voice.save(update_fields=["label"])
    return voice


def voice_retire(*, voice: Voice) -> Voice:
    """Take a voice out of use; nothing is deleted, and `voice_restore` brings it back."""
    Voice.objects.filter(pk=voice.pk, retired_at=None).update(retired_at=timezone.now())
    voice.refresh_from_db()
    return voice


def voice_restore(*, voice: Voice) -> Voice:
    """Put a retired voice back into use."""
    voice.retired_at = None
    voice.save(update_fields=["retired_at"])
    return voice


def utterance_request(
    *,
    voice: Voice,
    text: str,
    requested_by: User | None,
    seed: int = 0,
    choices: Mapping[str, str] | None = None,
) -> Utterance:
    """Ask for a text to be spoken: a row, and a word to the workers once it is committed.

    `choices`: readings of words in this text, which come before every dictionary. What the dictionaries say of it is
    kept in the row: every attempt reads alike.
    Raises BadText for a text that cannot be read; Refused: empty_text, text_too_long, voice_retired, voice_withheld,
    too_many_waiting, bad_choices, bad_entry.
    """
    choices = choices_checked(choices)
    text = text.replace("\r\n", "\n").replace("\0", "\ufffd").strip()  # PostgreSQL keeps no NUL
    if voice.retired_at:
        raise Refused("voice_retired", _("이 목소리는 더 이상 쓰지 않아요. 다른 목소리를 골라 주세요."), status=409)
    if voice.withheld_at:
        raise withheld_refusal()
    seed_check(seed)
    dictionary = reading.dictionary_of(voice, text, choices)
    reading.check(text, dictionary)
    with transaction.atomic():
        waiting = Utterance.objects.filter(requested_by=requested_by, state__in=Utterance.ACTIVE).count()
        if requested_by is not None and waiting >= UNFINISHED_LIMIT:
            raise Refused(
                "too_many_waiting",
                _("아직 말하는 중인 글이 %(count)d개 있어요. 끝난 뒤에 다시 해 주세요.") % {"count": waiting},
                status=429,
                count=waiting,
            )
        utterance = Utterance.objects.create(
            voice=voice, text=text, seed=seed, requested_by=requested_by, choices=choices, dictionary=dictionary
        )
        transaction.on_commit(lambda: utterance_send(pk=utterance.pk))
    return utterance


def seed_check(seed: int) -> None:
    """Raises Refused bad_seed."""
    if not 0 <= seed <= 2**31 - 1:
        raise Refused("bad_seed", _("seed는 0부터 2147483647까지의 수여야 해요."), seed=seed)


def withheld_refusal() -> Refused:
    """Why a voice whose speaker took the consent back says nothing."""
    return Refused("voice_withheld", str(ERROR_WORDS["voice_withheld"]), status=409)


def utterance_send(*, pk: UUID) -> None:
    """Tell a worker. When the broker is away, the reconciler says it again later."""
    Utterance.objects.filter(pk=pk).update(sent_at=timezone.now())
    try:
        current_app.send_task(SPEAK_TASK, args=[str(pk)], queue=QUEUE)
        hints.back()
    except OperationalError as error:
        hints.lost(error, "utterance %s was not sent", pk)


def utterance_stop(*, utterance: Utterance) -> Utterance:
    """Make no more sentences of it. What is spoken stays."""
    stopped = Utterance.objects.filter(pk=utterance.pk, state=Utterance.State.QUEUED).update(
        state=Utterance.State.STOPPED, stop_requested=True, ended_at=timezone.now()
    )
    if not stopped:
        Utterance.objects.filter(pk=utterance.pk, state=Utterance.State.SPEAKING).update(stop_requested=True)
    utterance.refresh_from_db()
    if stopped:
        _tell_stopped(utterance)
    return utterance


def utterance_delete(*, utterance: Utterance) -> None:
    """Remove an utterance and its sound."""
    folder = f"utterances/{utterance.pk}"  # with what a worker may add meanwhile
    with transaction.atomic():
        utterance.delete()
        transaction.on_commit(lambda: _delete_folder(folder))


def utterances_reconcile(watch: LeaseWatch | None = None) -> int:
    """Send waiting utterances again, and free those whose worker is gone. Returns how many were sent.

    Called every few seconds by `manage.py up` or `manage.py reconcile`, with a `watch` that has seen the rounds before;
    without one, a lease that has run out is enough.
    """
    spoken = Utterance.objects.filter(state=Utterance.State.SPEAKING)
    for utterance in watch.silent(spoken, LEASE.total_seconds()) if watch else filter(has_run_out, spoken):
        _take_back(utterance)
    waiting = Utterance.objects.filter(state=Utterance.State.QUEUED).order_by("turn_at")
    late = Q(sent_at__lt=timezone.now() - RESEND_AFTER)
    if waiting.filter(late).exists() and messages_waiting(QUEUE) >= waiting.count():
        late = Q(pk=None)  # each can still have its message: more would only pile up, and speak some before their turn
    pks = list(waiting.filter(Q(sent_at=None) | late).values_list("pk", flat=True))
    for pk in pks:
        utterance_send(pk=pk)
    return len(pks)


def listener_invite(*, label: str) -> tuple[User, str]:
    """A person who may listen and speak with the voices, and the token of the link that signs them in once.

    Raises Refused no_label.
    """
    from studio.services import sign_in_link_create

    label = label.strip()
    if not label:
        raise Refused("no_label", _("누구를 초대하는지 적어 주세요."))
    with transaction.atomic():
        user = get_user_model().objects.create_user(username=f"listener-{secrets.token_hex(4)}", first_name=label[:150])
        token = sign_in_link_create(user=user, hours=24 * 7)
    return user, token


def api_token_create(*, user: User, label: str) -> tuple[ApiToken, str]:
    """A key for programs; the key itself is returned this once, only its hash is kept. Raises Refused no_label."""
    if not label.strip():
        raise Refused("no_label", _("어디에 쓰는 열쇠인지 적어 주세요."))
    key = f"moksori-{secrets.token_urlsafe(32)}"
    return ApiToken.objects.create(user=user, label=label.strip()[:80], token_sha256=selectors.token_hash(key)), key


def api_token_revoke(*, token: ApiToken) -> None:
    """Make a key useless, for good."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())


def _name_taken(name: str) -> Refused:
    message = _("이름이 ‘%(name)s’인 목소리가 이미 있어요. 다른 이름을 적어 주세요.") % {"name": name}
    return Refused("name_taken", message, 409, name=name)


def _check_parts(acoustic: Checkpoint, vocoder: Checkpoint | None) -> None:
    if acoustic.kind != Checkpoint.Kind.ACOUSTIC:
        raise Refused("not_acoustic", _("음향 모델의 체크포인트를 골라 주세요."))
    if vocoder is not None and vocoder.kind != Checkpoint.Kind.VOCODER:
        raise Refused("not_a_vocoder", _("보코더의 체크포인트를 골라 주세요."))
    if speaker_withdrawn([acoustic, vocoder]):
        raise Refused("no_consent", _("화자의 동의가 없어서 목소리를 공개할 수 없어요."), status=409)


def _hold_parts(acoustic: Checkpoint, vocoder: Checkpoint | None) -> None:
    """Within a transaction: neither is thinned out before the voice that speaks with them is there."""
    parts = {part for part in (acoustic, vocoder) if part is not None}
    if checkpoints_lock(*parts) < len(parts):
        raise Refused(
            "checkpoint_gone", _("체크포인트가 그사이에 지워졌어요. 다른 체크포인트를 골라 주세요."), status=409
        )


def _take_back(utterance: Utterance) -> None:
    """From a worker that is silent: to the next one, or ended, as asked or because every try ended so."""
    held = Utterance.objects.filter(
        pk=utterance.pk,
        state=Utterance.State.SPEAKING,
        attempt=utterance.attempt,
        lease_until=utterance.lease_until,  # not renewed meanwhile
    )
    if utterance.stop_requested:
        if held.update(state=Utterance.State.STOPPED, ended_at=timezone.now(), lease_until=None):
            utterance.refresh_from_db()
            _tell_stopped(utterance)
    elif utterance.failures >= FAILURES - 1:
        message = "The worker died while speaking this text; try a shorter one, or another voice."
        error = {"code": "worker_died", "message": message, "params": {"attempts": utterance.attempt}}
        if held.update(state=Utterance.State.FAILED, error=error, ended_at=timezone.now(), lease_until=None):
            utterance.refresh_from_db()
            events.send_last(utterance)
    elif held.update(state=Utterance.State.QUEUED, lease_until=None, sent_at=None, failures=F("failures") + 1):
        events.send_change(utterance.pk)


def _tell_stopped(utterance: Utterance) -> None:
    """It ended between two of its turns: what is spoken is joined here, since no worker takes it up any more."""
    whole.keep(utterance)
    events.send_last(utterance)


def _tell_preload(pk: UUID) -> None:
    try:
        current_app.send_task(PRELOAD_TASK, args=[str(pk)], queue=QUEUE)
        hints.back()
    except OperationalError as error:
        hints.lost(error, "voice %s is not loaded ahead", pk)


def _delete_folder(folder: str) -> None:
    try:
        files.delete_folder(folder)
    except OSError as error:
        logger.warning("%s stays in storage: %s", folder, error)
