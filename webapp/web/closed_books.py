"""What is posted into closed books: forms that name the day, and a national admin's word for all the others.

A form with a day of its own says at that day that the books are closed. Everything else is dated today; when
the books refuse it, a national admin is asked for a reason, and what was sent is sent once more with it.
"""

from contextlib import ExitStack
from datetime import date
from typing import Any

from flask import Flask, Response, g, make_response, render_template, request
from flask_login import current_user
from wtforms import RadioField, TextAreaField
from wtforms.validators import Length, Optional

from webapp.domain import ledger
from webapp.domain.ledger import Guard, Override, PostingBlocked, overriding
from webapp.web import errors
from webapp.web.forms import Form, offered
from webapp.web.gates import current_access, current_organization
from webapp.web.htmx import is_swap

TODAY, ANYWAY = "today", "anyway"
_ASIDE = ("csrf_token", "form_key", "closed_books", "override_reason")


class AnywayForm(Form):
    override_reason = TextAreaField("Why it has to be posted all the same", [Length(max=500)])


def init(app: Flask) -> None:
    app.register_error_handler(PostingBlocked, _ask_for_word)
    app.teardown_request(_forget_word)


def take_word() -> None:
    """A national admin who was asked has given a reason: whatever this request posts may go in."""
    reason = request.form.get("override_reason", "").strip()
    given = request.method == "POST" and request.form.get("closed_books") == ANYWAY and reason
    if given and current_access.can_change_organization():
        g.word = ExitStack()
        g.word.enter_context(overriding(Override(by=current_user, reason=reason[:500])))


def _forget_word(_: BaseException | None = None) -> None:
    if "word" in g:
        g.pop("word").close()


def _ask_for_word(refusal: PostingBlocked) -> Response:
    """Nothing typed is lost: it stands in the form that asks why."""
    asked = "access" in g and "program" not in g and request.method == "POST"
    may = asked and current_access.can_change_organization()
    if not may or refusal.guards != (Guard.PERIOD_IS_OPEN,):
        return errors.refused(refusal)
    form = AnywayForm()
    if "override_reason" in request.form:
        form.override_reason.errors = ["Say why. Auditors read every such decision."]
    typed = [(name, text) for name, text in request.form.items(multi=True) if name not in _ASIDE]
    context = {"form": form, "fresh": Form(formdata=None), "typed": typed, "sentence": refusal.message}
    template = "shared/books/_anyway.html" if is_swap() else "shared/books/anyway.html"
    response = make_response(render_template(template, address=request.full_path, **context), refusal.status)
    response.headers.add("Vary", "HX-Request")
    return response


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
