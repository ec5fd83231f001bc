"""Form fields as the cluster pages show them: with their classes, and secrets that are never written back."""

from collections.abc import Callable
from typing import Any

from django import forms

from clusters.names import Misnamed

PLAIN = {"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"}


class Typed(forms.CharField):
    """One line. `check` turns it into its value or raises Misnamed. Not required: "" is the form's to judge."""

    def __init__(self, check: Callable[[str], str] | None = None, **options: Any) -> None:
        self.check = check
        mono = options.pop("mono", True)
        attrs = PLAIN | {"class": "form-control mono" if mono else "form-control"}
        attrs |= {"placeholder": options.pop("placeholder", "")}
        options.setdefault("widget", forms.TextInput(attrs=attrs))
        super().__init__(**options)

    def clean(self, value: Any) -> str:
        """Django's own, then ours."""
        text: str = super().clean(value)
        if not (self.check and text):
            return text
        try:
            return self.check(text)
        except Misnamed as error:
            raise forms.ValidationError(str(error)) from None


class Lines(forms.CharField):
    """Several lines."""

    def __init__(self, rows: int = 4, placeholder: str = "", **options: Any) -> None:
        attrs = PLAIN | {
            "class": "form-control mono",
            "rows": rows,
            "wrap": "off",
            "placeholder": placeholder,
        }
        super().__init__(widget=forms.Textarea(attrs=attrs), **options)


class SecretArea(forms.Textarea):
    """A text area that never writes its content into a page."""

    def format_value(self, value: Any) -> None:
        """Nothing."""


class SecretField(forms.CharField):
    """A secret: what was typed is kept elsewhere, and an empty field means the kept one."""

    def __init__(self, rows: int = 0, placeholder: str = "", **options: Any) -> None:
        attrs: dict[str, Any] = PLAIN | {"class": "form-control mono", "placeholder": placeholder}
        if rows:
            widget: forms.Widget = SecretArea(attrs=attrs | {"rows": rows, "wrap": "off"})
        else:
            widget = forms.PasswordInput(attrs=attrs | {"autocomplete": "new-password"})
        super().__init__(required=False, widget=widget, **options)
