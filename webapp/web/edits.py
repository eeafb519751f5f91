"""Forms over what others may change too: no change is overwritten unseen, and nothing typed is lost."""

import json
from typing import Any, Self

from wtforms import HiddenField

from webapp.core import audit
from webapp.core.errors import Invalid
from webapp.web.filters import moment_text
from webapp.web.forms import Form


class ChangedMeanwhile(Invalid):
    """Somebody saved while this form was open. Saving again, now that it was read, is allowed."""

    status = 409
    code = "conflict"


class EditForm(Form):
    """Remembers what it showed first (`seen`), field by field, as people read it."""

    seen = HiddenField()

    def shown(self) -> Self:
        """The form as it goes out with what is stored; call it once everything is filled in."""
        self.seen.data = json.dumps(self._texts())
        return self

    def refuse_unseen_changes(self, stored: Self, subject: Any) -> None:
        """`stored` is the same form filled from the locked row, `subject` the row the audit trail knows."""
        seen, now = self._seen(), stored._texts()
        changed = [name for name, text in now.items() if name in seen and seen[name] != text]
        if not changed:
            return
        self.seen.data = json.dumps(now)
        differences = "; ".join(f"{self[name].label.text} is “{now[name]}” now" for name in changed)
        raise ChangedMeanwhile(
            f"{_who_and_when(subject)} while your form was open: {differences}. "
            "What you typed is still here; save again to put it in place of theirs."
        )

    def _seen(self) -> dict[str, str]:
        try:
            seen = json.loads(self.seen.data or "{}")
        except ValueError:
            return {}
        return seen if isinstance(seen, dict) else {}

    def _texts(self) -> dict[str, str]:
        return {
            field.name: _text(field) for field in self if field.type not in ("HiddenField", "CSRFTokenField")
        }


def _text(field: Any) -> str:
    if field.type == "BooleanField":
        return "yes" if field.data else "no"
    if hasattr(field, "iter_choices"):
        return ", ".join(str(label) for _, label, selected, *_ in field.iter_choices() if selected)
    return str(field._value())


def _who_and_when(subject: Any) -> str:
    last = audit.last_change_of(subject)
    if last is None:
        return "Somebody changed this"
    return f"{last.by_name} changed this ({moment_text(last.at)})"
