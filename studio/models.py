"""Speakers, consent, prompts, sessions and takes: everything until a clip is accepted."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Speaker(models.Model):
    """A person whose voice is recorded. `user` signs in as this speaker; imported speakers have none."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.SlugField(_("이름(영문)"), max_length=64, unique=True)
    label = models.CharField(_("부르는 이름"), max_length=80)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="speaker"
    )
    position = models.ForeignKey("Prompt", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.label


class ConsentQuerySet(models.QuerySet["Consent"]):
    """What asks for consent asks here."""

    def in_force(self) -> ConsentQuerySet:
        """Given, not taken back, and spoken where it was given in a browser."""
        return self.filter(withdrawn_at__isnull=True).exclude(kind=Consent.Kind.TICKED)


class Consent(models.Model):
    """What a speaker agreed to, word for word. A withdrawn row stays: it says until when it held.

    In a browser it is spoken, as take 0: the row and the sound come into being together.
    """

    class Kind(models.TextChoices):
        SPOKEN = "spoken", _("말로 동의")
        WORD = "word", _("관리자가 확인")  # an imported speaker's: the admin says what was agreed, and where
        TICKED = "ticked", _("다시 동의 필요")  # from before statements were spoken: holds for nothing new

    speaker = models.ForeignKey(Speaker, on_delete=models.CASCADE, related_name="consents")
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.WORD)
    text = models.TextField()  # the words themselves, as they were shown
    text_version = models.CharField(max_length=32)
    text_sha256 = models.CharField(max_length=64)
    statement = models.TextField(blank=True)  # what was to be spoken, at the end of the text
    statement_id = models.UUIDField(null=True, blank=True, unique=True)  # made by the browser
    file = models.CharField(max_length=200, blank=True)  # storage key: consents/<speaker>/<statement id>-<hash>.wav
    sha256 = models.CharField(max_length=64, blank=True)  # of the bytes that were sent
    size = models.PositiveIntegerField(default=0)  # bytes in storage
    sample_rate = models.PositiveIntegerField(null=True, blank=True)  # Hz
    seconds = models.FloatField(null=True, blank=True)
    measures = models.JSONField(default=dict, blank=True)  # speech.quality.Report, and what the microphone said
    given_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = ConsentQuerySet.as_manager()

    class Meta:
        ordering = ["-given_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["speaker"], condition=Q(withdrawn_at__isnull=True), name="one_consent_in_force_per_speaker"
            ),
            models.CheckConstraint(condition=~Q(kind="spoken") | ~Q(file=""), name="a_spoken_consent_has_its_sound"),
        ]

    def __str__(self) -> str:
        return f"{self.speaker} {self.text_version}"


class Prompt(models.Model):
    """A sentence to read aloud. `reading` says how it is read where the spelling leaves it open."""

    class Kind(models.TextChoices):
        STATEMENT = "statement", _("서술")
        QUESTION = "question", _("의문")
        EXCLAMATION = "exclamation", _("감탄")
        REQUEST = "request", _("요청")

    text = models.CharField(max_length=300)
    text_sha256 = models.CharField(max_length=64, unique=True)  # of the NFC text: the same sentence comes in once
    reading = models.CharField(max_length=600, blank=True)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.STATEMENT)
    corpus = models.CharField(max_length=80, db_index=True)
    pronunciation = models.TextField(blank=True)  # what it is ordered by; empty: it is read in the file's order
    order = models.PositiveIntegerField(default=0, db_index=True)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["order", "id"]

    def __str__(self) -> str:
        return self.text


class DictionaryEntry(models.Model):
    """How a word is read: by every voice, or by the voices of one speaker, whose row comes before the common one."""

    speaker = models.ForeignKey(Speaker, on_delete=models.CASCADE, null=True, blank=True, related_name="dictionary")
    surface = models.CharField(max_length=100)  # as `speech.text.dictionary.entry_of` cleans it
    reading = models.CharField(max_length=300)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["surface", "id"]
        constraints = [
            models.UniqueConstraint(fields=["speaker", "surface"], name="one_reading_per_speaker_and_word"),
            models.UniqueConstraint(
                fields=["surface"], condition=Q(speaker__isnull=True), name="one_common_reading_per_word"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.surface} → {self.reading}"


class RecordingSession(models.Model):
    """One sitting at one microphone: takes of one session are comparable."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    speaker = models.ForeignKey(Speaker, on_delete=models.CASCADE, related_name="sessions")
    started_at = models.DateTimeField(auto_now_add=True)
    device = models.CharField(max_length=200, blank=True)
    sample_rate = models.PositiveIntegerField(null=True, blank=True)  # Hz, of the browser's audio context
    microphone = models.JSONField(default=dict, blank=True)  # what the track's getSettings() answered
    user_agent = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.speaker} {self.started_at:%Y-%m-%d %H:%M}"


class RoomTone(models.Model):
    """Some seconds of a sitting's room while nobody speaks: the sound, and what was measured. The newest counts.

    It says where speech begins in the takes of the sitting, and what noise to take out of them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # made by the browser
    speaker = models.ForeignKey(Speaker, on_delete=models.CASCADE, related_name="room_tones")
    session = models.ForeignKey(RecordingSession, on_delete=models.CASCADE, related_name="room_tones")
    device = models.CharField(max_length=200, blank=True)
    file = models.CharField(max_length=200)  # storage key: rooms/<speaker>/<id>-<hash>.wav
    sha256 = models.CharField(max_length=64)  # of the bytes that were sent
    size = models.PositiveIntegerField()  # bytes in storage
    sample_rate = models.PositiveIntegerField()  # Hz
    seconds = models.FloatField()
    noise_floor_dbfs = models.FloatField()
    measures = models.JSONField(default=dict)  # speech.room.RoomReport
    causes = models.JSONField(default=list, blank=True)  # [{code, level, value, hertz}]
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.speaker} {self.noise_floor_dbfs:.0f} dBFS"


class Clip(models.Model):
    """One take: the untrimmed master in storage, and beside it what was measured. Its id is made by the browser."""

    class Verdict(models.TextChoices):
        GOOD = "good", _("좋음")
        WARNED = "warned", _("주의")
        REFUSED = "refused", _("다시 녹음")

    class Source(models.TextChoices):
        BROWSER = "browser", _("브라우저")
        IMPORT = "import", _("가져오기")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    speaker = models.ForeignKey(Speaker, on_delete=models.CASCADE, related_name="clips")
    prompt = models.ForeignKey(Prompt, on_delete=models.SET_NULL, null=True, blank=True, related_name="clips")
    session = models.ForeignKey(
        RecordingSession, on_delete=models.SET_NULL, null=True, blank=True, related_name="clips"
    )
    source = models.CharField(max_length=16, choices=Source, default=Source.BROWSER)
    source_id = models.CharField(max_length=200, blank=True)  # the id in the imported corpus
    text = models.CharField(max_length=300)  # what was read, as it stood then
    reading = models.CharField(max_length=600, blank=True)
    file = models.CharField(max_length=200)  # storage key: clips/<speaker>/<id>-<hash>.wav
    sha256 = models.CharField(max_length=64)  # of the bytes that were sent
    stored_sha256 = models.CharField(max_length=64, blank=True)  # of those in storage; empty: from before it was kept
    size = models.PositiveIntegerField()  # bytes in storage
    sample_rate = models.PositiveIntegerField()  # Hz
    seconds = models.FloatField()
    trim_start = models.FloatField(null=True, blank=True)  # seconds; the master itself is never cut
    trim_end = models.FloatField(null=True, blank=True)
    verdict = models.CharField(max_length=16, choices=Verdict)
    reasons = models.JSONField(default=list, blank=True)  # [{code, level, value, limit}]
    measures = models.JSONField(default=dict, blank=True)  # speech.quality.Report
    note = models.CharField(max_length=300, blank=True)  # the speaker's own
    kept = models.BooleanField(default=False)  # the take of this prompt that a run trains on
    chosen = models.BooleanField(default=False)  # kept by the speaker's own choice: a newer take does not replace it
    discarded_at = models.DateTimeField(null=True, blank=True)  # taken out by the speaker; can be taken back
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["speaker", "prompt"],
                condition=Q(kept=True, prompt__isnull=False),
                name="one_kept_take_per_prompt",
            ),
            models.UniqueConstraint(
                fields=["speaker", "source_id"], condition=~Q(source_id=""), name="an_imported_clip_comes_in_once"
            ),
        ]
        indexes = [models.Index(fields=["speaker", "kept"])]

    def __str__(self) -> str:
        return f"{self.speaker}: {self.text}"


class Review(models.Model):
    """What an admin decided on a take after listening; without a row nobody has. A reason goes back to the speaker."""

    class Decision(models.TextChoices):
        ACCEPTED = "accepted", _("받음")
        RETURNED = "returned", _("돌려보냄")

    clip = models.OneToOneField(Clip, on_delete=models.CASCADE, related_name="review")
    decision = models.CharField(max_length=16, choices=Decision)
    reason = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [models.Index(fields=["decision", "at"])]

    def __str__(self) -> str:
        return f"{self.clip}: {self.decision}"


class PromptSkip(models.Model):
    """A prompt that a speaker passed over, and why."""

    speaker = models.ForeignKey(Speaker, on_delete=models.CASCADE, related_name="skips")
    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="skips")
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["speaker", "prompt"], name="one_skip_per_speaker_and_prompt")]

    def __str__(self) -> str:
        return f"{self.speaker}: {self.prompt}"


class Erasure(models.Model):
    """That a speaker was erased: by whom, when and how much. It is all that is left, and holds on to no row of theirs.

    As long as `finished_at` is empty it marks what has to go on.
    """

    speaker_pk = models.UUIDField(unique=True)
    name = models.CharField(max_length=64)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    counts = models.JSONField(default=dict)  # {code: how many}, by the codes of studio.erasure.WORDS
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.name} {self.started_at:%Y-%m-%d %H:%M}"


class SignInLink(models.Model):
    """A link that signs one person in once. Only its hash is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sign_in_links")
    token_sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.user}"
