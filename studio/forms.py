"""What people type in the studio."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from studio.json_body import plain_json
from studio.models import Speaker


class SignInForm(AuthenticationForm):
    """Name and password, with our own words where they are wrong: Django's Korean ones do not know the particles."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _("이름이나 비밀번호가 맞지 않아요."),
    }


class SpeakerForm(forms.Form):
    """A new speaker. The short name is for commands and files; without one it is made."""

    label = forms.CharField(label=_("부르는 이름"), max_length=80)
    name = forms.CharField(
        label=_("짧은 이름"),
        max_length=64,
        required=False,
        help_text=_("영문 소문자, 숫자, - 만. 비워 두면 자동으로 정해져요."),
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9_-]*$", _("영문 소문자와 숫자, -, _ 로 적어 주세요."))],
    )

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name and Speaker.objects.filter(name=name).exists():
            raise forms.ValidationError(_("이미 있는 이름이에요."), code="taken")
        return name


class PlainJSONField(forms.JSONField):
    """JSON in a field of a form; what no database keeps is as wrong as what is no JSON."""

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        try:
            return plain_json(value)
        except ValueError as error:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from error


class SoundForm(forms.Form):
    """The fields beside the sound of any upload: its id and hash, and what the microphone said."""

    id = forms.UUIDField()
    sha256 = forms.RegexField(r"^[0-9a-f]{64}$")
    session = forms.UUIDField(required=False)
    device = forms.CharField(max_length=200, required=False)
    microphone = PlainJSONField(required=False)
    dropouts = PlainJSONField(required=False)


class StatementForm(SoundForm):
    """A spoken statement; an admin who has no speaker yet says what to call the voice."""

    text_sha256 = forms.RegexField(r"^[0-9a-f]{64}$")
    label = forms.CharField(max_length=80, required=False)


class ClipForm(SoundForm):
    """A take of the room."""

    prompt = forms.IntegerField(min_value=1)


class MoveForm(forms.Form):
    """Where the speaker wants to go."""

    action = forms.ChoiceField(choices=[(each, each) for each in ("next", "back", "forward", "open", "skip")])
    prompt = forms.IntegerField(min_value=1, required=False)
    reason = forms.CharField(max_length=200, required=False)


class TrimForm(forms.Form):
    """Where a take begins and ends for training, in seconds: both, or neither."""

    start = forms.FloatField(required=False)
    end = forms.FloatField(required=False)

    def clean(self) -> dict[str, float | None]:
        cleaned: dict[str, float | None] = super().clean() or {}
        if (cleaned.get("start") is None) != (cleaned.get("end") is None):
            raise forms.ValidationError(_("둘 다 적거나 둘 다 비워 주세요."), code="half")
        return cleaned

    def bounds(self) -> tuple[float, float] | None:
        start, end = self.cleaned_data["start"], self.cleaned_data["end"]
        return None if start is None or end is None else (start, end)


class PromptListForm(forms.Form):
    """Which sentences of the list are asked for."""

    q = forms.CharField(max_length=100, required=False)
    only = forms.ChoiceField(choices=[(each, each) for each in ("all", "recorded", "open", "skipped")], required=False)
    offset = forms.IntegerField(min_value=0, max_value=1_000_000, required=False)


class NoteForm(forms.Form):
    """A note on a take."""

    note = forms.CharField(max_length=300, required=False)
