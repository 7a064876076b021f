"""Voices and utterances: everything from a published checkpoint to sound."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from studio.errors import stored_message
from studio.models import Speaker
from training.models import Checkpoint


class Voice(models.Model):
    """A published checkpoint under a name. Without a vocoder it speaks through Griffin-Lim."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.SlugField(_("이름(영문)"), max_length=64, unique=True)
    label = models.CharField(_("목소리 이름"), max_length=80)
    speaker = models.ForeignKey(Speaker, on_delete=models.CASCADE, null=True, blank=True, related_name="voices")
    acoustic = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="+")
    vocoder = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    published_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    withheld_at = models.DateTimeField(null=True, blank=True)  # a speaker in it took the consent back: it is silent
    released_at = models.DateTimeField(null=True, blank=True)  # an admin let it speak again
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    release_reason = models.CharField(max_length=300, blank=True)
    error = models.JSONField(default=dict, blank=True)  # {code, message, params}: why it cannot be loaded

    reading_warnings: list[str] | tuple[()] = ()  # filled in by synthesis.reading.warn

    class Meta:
        ordering = ["-published_at"]

    def __str__(self) -> str:
        return self.label

    @property
    def error_words(self) -> str:
        """Why it cannot be loaded, in the person's language."""
        return stored_message(self.error) if self.error else ""


class Utterance(models.Model):
    """A text that someone asked a voice to say. The row is the truth; a Celery message about it is only a hint.

    Whoever holds `attempt` and an unexpired lease speaks it; every write of a speaker filters on its `attempt`. What
    was spoken stays, and the next attempt goes on behind it.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("대기 중")
        SPEAKING = "speaking", _("말하는 중")
        DONE = "done", _("끝남")
        STOPPED = "stopped", _("멈춤")
        FAILED = "failed", _("실패")

    ACTIVE = (State.QUEUED, State.SPEAKING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    voice = models.ForeignKey(Voice, on_delete=models.CASCADE, related_name="utterances")
    text = models.TextField()
    choices = models.JSONField(default=dict, blank=True)  # {word: reading}, as the person chose for this text
    dictionary = models.JSONField(default=dict, blank=True)  # with them, the own readings that held when it was asked
    seed = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED, db_index=True)
    stop_requested = models.BooleanField(default=False)
    plan = models.JSONField(default=list, blank=True)  # [[sentence, whether it goes on in the next]], split once
    sentence_count = models.PositiveIntegerField(default=0)  # how many the text has; 0 until a worker has split it
    seconds = models.FloatField(default=0)  # of sound, so far
    file = models.CharField(max_length=200, blank=True)  # storage key of the whole WAV, once there is one
    error = models.JSONField(default=dict, blank=True)  # {code, message, params}
    attempt = models.PositiveIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)  # workers that died over the sentence at hand
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)  # when a worker was last told of it
    turn_at = models.DateTimeField(default=timezone.now)  # place in the queue; a long text goes to its end now and then
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="utterances"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.text[:40]


class UtteranceSentence(models.Model):
    """One spoken sentence of an utterance: its sound in storage, and what a listener should know of it."""

    utterance = models.ForeignKey(Utterance, on_delete=models.CASCADE, related_name="sentences")
    index = models.PositiveIntegerField()
    text = models.TextField()
    reading = models.JSONField(default=dict, blank=True)  # speech.text.Reading.to_json()
    file = models.CharField(max_length=200)  # storage key of a WAV
    seconds = models.FloatField()
    reached_limit = models.BooleanField(default=False)  # the decoder was cut off: the sentence may lack its end
    coverage = models.FloatField(default=1)  # share of the text that the alignment passed over, 0 to 1
    compute_seconds = models.FloatField(default=0)  # how long it took to make
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["utterance", "index"]
        constraints = [models.UniqueConstraint(fields=["utterance", "index"], name="one_sentence_per_index")]

    def __str__(self) -> str:
        return self.text[:40]


class ApiToken(models.Model):
    """A key for programs, sent as `Authorization: Bearer …`. Only its hash is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    label = models.CharField(max_length=80)
    token_sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.label
