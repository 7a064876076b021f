"""The form that starts a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from speech.errors import BadText
from speech.job import SAMPLE_TEXT
from speech.text import read
from studio.errors import person_message
from studio.models import Speaker
from studio.selectors import minutes_of
from training import selectors, services
from training.models import Checkpoint, TrainingRun
from training.words import SIZE_WORDS, model_words


class SpeakerField(forms.ModelChoiceField):
    """A speaker, and how much there is to learn from."""

    def label_from_instance(self, obj: Any) -> str:
        minutes = minutes_of(obj.clip_seconds or 0)
        details = {"label": obj.label, "clips": obj.clip_count, "minutes": f"{minutes:.1f}"}
        return str(_("%(label)s · 녹음 %(clips)s개 · %(minutes)s분") % details)


class BaseField(forms.ModelChoiceField):
    """A checkpoint to start from: an imported one by its name, one of a run by its speaker and step.

    Left empty it is the base voice, where that is of the model and the size asked for; `SCRATCH` begins with nothing.
    """

    SCRATCH = "scratch"

    def __init__(self, label: Any) -> None:
        empty = _("처음부터 배우기")
        super().__init__(queryset=Checkpoint.objects.none(), required=False, empty_label=empty, label=label)

    def offer(self, kind: str) -> None:
        """Fill in what there is of a kind; where the base voice has one, it comes first."""
        self.queryset = selectors.bases_available().filter(kind=kind)
        offered = list(cast("Iterable[Any]", self.choices))
        if shipped := selectors.shipped_base(kind):
            size = SIZE_WORDS.get(shipped.size_name, shipped.size_name)
            words = _("기본 목소리에서 이어 배우기(%(size)s일 때)") % {"size": size}
            offered = [("", words), (self.SCRATCH, self.empty_label), *offered[1:]]
        self.widget.choices = offered

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return "shipped"
        return None if value == self.SCRATCH else super().to_python(value)

    def validate(self, value: Any) -> None:
        if isinstance(value, Checkpoint):
            super().validate(value)

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.words)


class RunForm(forms.Form):
    """What a run learns from, what it learns, and for how long."""

    speaker = SpeakerField(label=_("누구의 목소리"), queryset=Speaker.objects.none(), empty_label=_("화자 고르기"))
    size = forms.ChoiceField(label=_("크기"), initial="compact", widget=forms.RadioSelect)
    acoustic = forms.ChoiceField(label=_("음향 모델"))
    acoustic_steps = forms.IntegerField(
        label=_("걸음 수"), min_value=0, max_value=services.MOST_STEPS, initial=services.STEPS["acoustic"]
    )
    acoustic_base = BaseField(label=_("음향 모델의 바탕"))
    vocoder = forms.ChoiceField(
        label=_("보코더"), required=False, help_text=_("배우지 않으면 기본 목소리의 보코더나 Griffin-Lim으로 들어요.")
    )
    vocoder_steps = forms.IntegerField(
        label=_("보코더 걸음 수"),
        min_value=0,
        max_value=services.MOST_STEPS,
        required=False,
        initial=services.STEPS["vocoder"],
    )
    vocoder_base = BaseField(label=_("보코더의 바탕"))
    sample_text = forms.CharField(label=_("중간중간 들어 볼 문장"), max_length=200, required=False, initial=SAMPLE_TEXT)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choices("size", [(size, SIZE_WORDS[size]) for size in selectors.SIZES])
        self._choices("acoustic", _models(Checkpoint.Kind.ACOUSTIC))
        shipped = selectors.shipped_base(Checkpoint.Kind.VOCODER)
        going_on = [(services.AUTO, _("기본 %(model)s") % {"model": shipped.model_words})] if shipped else []
        self._choices("vocoder", [*going_on, ("", _("배우지 않기")), *_models(Checkpoint.Kind.VOCODER)])
        if shipped:
            self.initial.setdefault("vocoder", services.AUTO)
            self.fields["vocoder"].help_text = _(
                "기본 목소리의 보코더를 이 사람의 소리에 맞추면 더 닮은 소리가 나요. "
                "크기가 ‘%(size)s’일 때만 돼요. 다른 크기를 고르면 보코더는 배우지 않아요."
            ) % {"size": SIZE_WORDS.get(shipped.size_name, shipped.size_name)}
        self._queryset("speaker", selectors.speakers_to_train(at_least=services.FEWEST_CLIPS))
        if self.initial.get("speaker") is None and len(speakers := self._speakers()) == 1:
            self.initial["speaker"] = speakers[0].pk
        for kind in Checkpoint.Kind.values:
            cast("BaseField", self.fields[f"{kind}_base"]).offer(kind)

    def _speakers(self) -> list[Speaker]:
        return list(selectors.speakers_to_train(at_least=services.FEWEST_CLIPS)[:2])

    def _choices(self, name: str, choices: list[Any]) -> None:
        cast("forms.ChoiceField", self.fields[name]).choices = choices

    def _queryset(self, name: str, queryset: QuerySet[Any]) -> None:
        cast("forms.ModelChoiceField", self.fields[name]).queryset = queryset

    def clean_sample_text(self) -> str:
        text: str = self.cleaned_data["sample_text"]
        try:
            readable = not text or read(text).reading.strip()
        except BadText as error:
            raise forms.ValidationError(person_message(error)) from error
        if not readable:
            raise forms.ValidationError(_("소리 내어 읽을 글자가 없어요."), code="bad_text")
        return text

    def start(self, requested_by: User) -> TrainingRun:
        """The run that the form describes; call it once the form is valid. Raises Refused or SpeechError."""
        plan = dict(self.cleaned_data)
        plan["vocoder_steps"] = plan["vocoder_steps"] or 0
        return services.run_start(**plan, requested_by=requested_by)


def _models(kind: str) -> list[tuple[str, str]]:
    return [(name, model_words(name)) for name in selectors.models_available(kind)]
