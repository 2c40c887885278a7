"""The actions on problems: on many from the list, on one from its page."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.utils.timezone import now

from hoptoad.inbox import states
from hoptoad.inbox.models import Problem
from hoptoad.inbox.pages.times import local, midnight

RESOLVE, IGNORE, REOPEN = "resolve", "ignore", "reopen"
_DAYS = {"day": ("for a day", 1), "week": ("for a week", 7), "month": ("for 30 days", 30)}
_MORE = {str(number): (f"until {number:,} more", number) for number in (10, 100, 1000)}
DATE = "date"
FOR_EVER = ("", "until it is reopened")
_UNTIL = [FOR_EVER, *((name, text) for name, (text, _) in {**_DAYS, **_MORE}.items()), (DATE, "until a date")]


def _date_input() -> forms.DateInput:
    return forms.DateInput({"type": "date"}, "%Y-%m-%d")


class Decision(forms.Form):
    """The buttons of a problem's page, with the two fields that belong to them."""

    decision = forms.ChoiceField(
        choices=[(name, name) for name in (RESOLVE, IGNORE, REOPEN)],
        error_messages={
            "invalid_choice": "Problems can be resolved, ignored and reopened.",
            "required": "Choose a button.",
        },
    )
    version = forms.CharField(
        required=False,
        max_length=100,
        label="in version",
        widget=forms.TextInput(attrs={"size": 10, "autocomplete": "off", "aria-describedby": "hoptoad-hint"}),
    )
    until = forms.ChoiceField(required=False, label="for how long", choices=_UNTIL)
    date = forms.DateField(required=False, label="Ignore until this date", widget=_date_input())

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("until") == DATE and "date" not in self.errors:
            date = self.cleaned_data.get("date")
            if date is None or date <= local(now()).date():
                self.add_error("date", "Choose a date after today.")
        return self.cleaned_data

    @property
    def refusal(self) -> str:
        """The first reason for which nothing was changed."""
        return str(next(iter(self.errors.values()))[0])

    def apply(self, problems: "QuerySet[Problem]") -> str:
        """Changes the problems. Returns what was done, for the message and the history."""
        decision = self.cleaned_data["decision"]
        if decision == RESOLVE:
            return self._resolve(problems)
        if decision == IGNORE:
            return self._ignore(problems)
        states.reopen(problems)
        return "Reopened."

    def _resolve(self, problems: "QuerySet[Problem]") -> str:
        """Without the field, as from the list, each in the last version it was seen in."""
        version = self.cleaned_data["version"].strip()
        states.resolve(problems, version if "version" in self.data else None)
        return f"Resolved in version {version}." if version else "Resolved."

    def _ignore(self, problems: "QuerySet[Problem]") -> str:
        until = self.cleaned_data["until"]
        if until == DATE:
            date = self.cleaned_data["date"]
            states.ignore(problems, until=midnight(date))
            return f"Ignored until {date:%d %b %Y}."
        days, more = _DAYS.get(until), _MORE.get(until)
        states.ignore(
            problems,
            until=now() + timedelta(days=days[1]) if days else None,
            more=more[1] if more else None,
        )
        return f"Ignored {dict(_UNTIL)[until]}."


class ListActionForm(ActionForm):
    """Beside the list's actions: the version that has the fix, and the end of ignoring."""

    version = forms.CharField(
        required=False,
        max_length=100,
        label="Resolved in version",
        widget=forms.TextInput(attrs={"size": 8, "autocomplete": "off"}),
    )
    date = forms.DateField(required=False, label="Ignore until", widget=_date_input())
