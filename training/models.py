"""Runs, events and checkpoints: everything from accepted clips to a checkpoint someone has listened to."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from studio.models import Clip, Speaker
from training.words import SIZE_WORDS, model_words

SHIPPED = "base"  # name of the base voice's checkpoints


class TrainingRun(models.Model):
    """One click on "start fine-tune". The row is the truth; a Celery message about it is only a hint.

    A run has one or two parts: the acoustic model, then the vocoder; steps of 0 leave a part out. Whoever holds
    `attempt` and an unexpired lease owns the run; every write of an owner filters on its `attempt`.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("대기 중")
        RUNNING = "running", _("학습 중")
        STOPPED = "stopped", _("멈춤")
        FINISHED = "finished", _("끝남")
        FAILED = "failed", _("실패")

    ACTIVE = (State.QUEUED, State.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    speaker = models.ForeignKey(Speaker, on_delete=models.CASCADE, related_name="runs")
    acoustic = models.CharField(max_length=40, default="tacotron2")
    acoustic_steps = models.PositiveIntegerField(default=0)
    vocoder = models.CharField(max_length=40, blank=True)
    vocoder_steps = models.PositiveIntegerField(default=0)
    size = models.CharField(max_length=16, default="compact")  # full, compact, trial
    acoustic_base = models.ForeignKey("Checkpoint", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    vocoder_base = models.ForeignKey("Checkpoint", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    sample_text = models.CharField(max_length=200, blank=True)
    overrides = models.JSONField(default=dict, blank=True)  # overrides of speech.config.TrainingConfig
    clips = models.ManyToManyField(Clip, related_name="runs")  # fixed at the first attempt: a resumed run sees the same
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED, db_index=True)
    stop_requested = models.BooleanField(default=False)
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=200, blank=True)
    crashes = models.PositiveSmallIntegerField(default=0)  # owners or trainers lost since the last checkpoint
    sent_at = models.DateTimeField(null=True, blank=True)  # when a Celery message about it last went out
    part = models.CharField(max_length=16, blank=True)  # acoustic or vocoder: which one trains now
    stage = models.CharField(max_length=32, blank=True)  # of speech.events.StageChanged
    step = models.PositiveIntegerField(default=0)
    progress = models.JSONField(default=dict, blank=True)  # the newest speech.events.StepDone of this part
    device = models.CharField(max_length=120, blank=True)
    error = models.JSONField(default=dict, blank=True)  # {code, message, params}
    last_seq = models.PositiveIntegerField(default=0)  # number of the newest RunEvent
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["speaker"], condition=Q(state__in=["queued", "running"]), name="one_active_run_per_speaker"
            )
        ]

    def __str__(self) -> str:
        return f"{self.speaker} {self.created_at:%Y-%m-%d %H:%M}"


class RunEvent(models.Model):
    """One thing that happened in a run, numbered without gaps from 1: what a page replays."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=32)  # speech.events names, and state_changed
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["run", "seq"]
        constraints = [models.UniqueConstraint(fields=["run", "seq"], name="run_event_numbers_are_unique")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.seq} {self.kind}"


class Checkpoint(models.Model):
    """Weights in storage, with their hash. `run` is empty for an imported or shipped one."""

    class Kind(models.TextChoices):
        ACOUSTIC = "acoustic", _("음향 모델")
        VOCODER = "vocoder", _("보코더")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, null=True, blank=True, related_name="checkpoints")
    name = models.CharField(max_length=120, blank=True)  # of an imported or shipped one
    kind = models.CharField(max_length=16, choices=Kind)
    model = models.CharField(max_length=40)  # file name under speech/acoustic or speech/vocoder
    size_name = models.CharField(max_length=16, blank=True)
    step = models.PositiveIntegerField(default=0)
    file = models.CharField(max_length=200)  # storage key
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()  # bytes
    resume_file = models.CharField(max_length=200, blank=True)
    resume_sha256 = models.CharField(max_length=64, blank=True)
    resume_size = models.PositiveBigIntegerField(default=0)  # bytes
    picture = models.CharField(max_length=200, blank=True)  # storage key of a PNG
    sample = models.CharField(max_length=200, blank=True)  # storage key of a WAV
    sample_text = models.CharField(max_length=300, blank=True)
    losses = models.JSONField(default=dict, blank=True)
    front_end = models.JSONField(null=True, blank=True)  # {version, mode, dictionary_sha256} of its header, once read
    pace = models.FloatField(default=0)  # of its header: syllables a second of the clips; 0: unknown
    best = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "kind", "step"], condition=Q(run__isnull=False), name="one_checkpoint_per_step"
            ),
            models.UniqueConstraint(
                fields=["name", "kind"], condition=Q(run__isnull=True) & ~Q(name=""), name="one_base_per_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.run} {self.model} {self.step}"

    @property
    def words(self) -> str:
        """As a person knows it: whose, what, how far, and of a run also when, as two may be alike in all the rest."""
        whose, made = self.name, ""
        if self.run is not None:
            whose, made = self.run.speaker.label, f"{timezone.localtime(self.created_at):%Y-%m-%d %H:%M}"
        elif self.name == SHIPPED:
            whose = str(_("기본 목소리"))
        size = SIZE_WORDS.get(self.size_name, self.size_name)
        step = _("%(step)s걸음") % {"step": self.step_words}
        return " · ".join(str(one) for one in (whose, self.model_words, size, step, made) if one)

    @property
    def step_words(self) -> str:
        """Its step as people read it: 12,068."""
        return f"{self.step:,}"

    @property
    def model_words(self) -> str:
        """The model's name as its paper writes it."""
        return model_words(self.model)
