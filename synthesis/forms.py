"""Forms of the speaking room."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from synthesis import selectors
from synthesis.models import Voice
from training.models import Checkpoint

AUTOMATIC, NONE = "auto", "none"


class CheckpointField(forms.ModelChoiceField):
    """Names a checkpoint as a person knows it: whose, which network, after how many steps."""

    def label_from_instance(self, obj: Any) -> str:
        return checkpoint_words(obj)


def checkpoint_words(checkpoint: Checkpoint) -> str:
    """Its words, and a star for the best of its run."""
    return f"{checkpoint.words} ★" if checkpoint.best else checkpoint.words


class VoiceField(forms.ModelChoiceField):
    """Says of each voice what choosing it does: it is replaced."""

    def label_from_instance(self, obj: Any) -> str:
        words = _("‘%(label)s %(step)s걸음’을 이 소리로 바꾸기")
        return words % {"label": obj.label, "step": obj.acoustic.step_words}


class PublishForm(forms.Form):
    """Make a checkpoint a voice, or give an existing voice a newer checkpoint."""

    acoustic = CheckpointField(label=_("체크포인트"), queryset=Checkpoint.objects.none(), empty_label=_("고르기"))
    vocoder = forms.ChoiceField(label=_("보코더"), required=False)
    replaces = VoiceField(
        label=_("어떻게 공개할까요"),
        queryset=Voice.objects.none(),
        required=False,
        empty_label=_("새 목소리로"),
        help_text=_(
            "바꾸면 그 목소리로 말하는 모두가 곧바로 이 소리를 들어요. 이름과 지금까지 만든 소리는 그대로 남아요."
        ),
    )
    label = forms.CharField(label=_("목소리 이름"), max_length=80, required=False)
    name = forms.SlugField(
        label=_("주소에 쓰는 이름"),
        max_length=64,
        required=False,
        help_text=_("영문 소문자, 숫자, 붙임표. 프로그램이 이 이름으로 불러요."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["acoustic"].queryset = selectors.checkpoints_to_publish()
        fields["replaces"].queryset = selectors.voices_replaceable()
        vocoders = selectors.vocoders_to_publish(self.initial.get("acoustic"))
        fields["vocoder"].choices = [
            (AUTOMATIC, _("알아서 고르기")),
            *[(str(each.pk), checkpoint_words(each)) for each in vocoders],
            (NONE, _("보코더 없이 (Griffin-Lim)")),
        ]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not data.get("replaces"):
            for field in ("name", "label"):
                if not data.get(field) and field not in self.errors:
                    self.add_error(field, _("새 목소리의 이름을 적어 주세요."))
        return data

    def vocoder_chosen(self) -> Checkpoint | None:
        """The vocoder that the form says; call it once the form is valid."""
        choice = self.cleaned_data.get("vocoder") or AUTOMATIC
        if choice == NONE:
            return None
        if choice == AUTOMATIC:
            return selectors.vocoder_for(self.cleaned_data["acoustic"])
        return Checkpoint.objects.get(pk=choice)
