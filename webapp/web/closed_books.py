"""Forms in which a person dates an entry: closed books are named at the day, with the ways out of it."""

from datetime import date
from typing import Any

from flask_login import current_user
from wtforms import RadioField, TextAreaField
from wtforms.validators import Length, Optional

from webapp.domain import ledger
from webapp.domain.ledger import Override
from webapp.web.forms import Form, offered
from webapp.web.gates import current_access, current_organization

TODAY, ANYWAY = "today", "anyway"


class DatedForm(Form):
    """Has a field `on`, the day in the books. Post inside `ledger.overriding(form.override())`.

    `closed_through` is the last day of the closed books that `on` lies in.
    """

    closed_books = RadioField("The books are closed on this day", validate_choice=False)
    override_reason = TextAreaField("Why it has to be that day", [Optional(), Length(max=500)])

    closed_through: date | None = None

    def validate(self, extra_validators: Any = None) -> bool:
        ways = [(TODAY, "Date it today")]
        if current_access.can_change_organization():
            ways.append((ANYWAY, "Post it on this day anyway, and say why"))
        self.closed_books.choices = offered(ways)
        return bool(super().validate(extra_validators)) and self._has_a_way()

    def override(self) -> Override | None:
        """The national admin's word, where the books are closed and it was given."""
        if self.closed_through is None or self.closed_books.data != ANYWAY:
            return None
        return Override(by=current_user, reason=self.override_reason.data or "")

    def _has_a_way(self) -> bool:
        on = self["on"]
        self.closed_through = ledger.closed_through(on.data)
        if self.closed_through is None:
            return True
        if self.closed_books.data == TODAY:
            on.data, on.raw_data, self.closed_through = current_organization.today, None, None
            return True
        if self.closed_books.data != ANYWAY or not current_access.can_change_organization():
            on.errors = [
                f"The books are closed through {self.closed_through}. Choose another day, or a way below."
            ]
            return False
        if not (self.override_reason.data or "").strip():
            self.override_reason.errors = ["Say why. Auditors read every such decision."]
            return False
        return True
