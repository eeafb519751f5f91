"""Who is in good standing, the letter that says so, and granting it."""

from typing import Any
from uuid import UUID

from flask import render_template, request
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import DateField
from wtforms.validators import InputRequired

from webapp import wiring
from webapp.core.db import db, transaction
from webapp.core.errors import Invalid, NotFound
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.notifications import standing_pdf
from webapp.domain.organizations import Member
from webapp.domain.reporting.standing import good_standing
from webapp.domain.reporting.standing import letters as standing_letters
from webapp.domain.reporting.standing import waivers as standing_waivers
from webapp.domain.reporting.standing.good_standing import Wanted
from webapp.domain.reporting.standing.letters import StandingLetter
from webapp.web import books
from webapp.web.forms import ReasonForm
from webapp.web.gates import current_organization
from webapp.web.htmx import respond, see_other
from webapp.web.invoices import as_file
from webapp.web.lists import PAGE, page_of, stream_rows, wants_csv

_GOOD = {"good": True, "not": False}
_HEADER = (
    "member_number", "last_name", "first_name", "chapter", "on", "in_good_standing", "because",
)  # fmt: skip


class WaiverForm(ReasonForm):
    until = DateField("Until", [InputRequired("Enter a day.")], description="The last day of good standing.")


def index(persona: str, *, chapter_id: UUID | None = None) -> Response:
    """Everybody, or those who are, or those who are not; a page, the part that changed, or a file."""
    show, today = request.args.get("show", ""), current_organization.today
    on = books.day("on") or today
    found = good_standing.listed(Wanted(chapter_id, _GOOD.get(show)), on, past=on < today)
    if wants_csv():
        return stream_rows("good-standing.csv", _HEADER, good_standing.by_name(found), _as_row)
    after = request.args.get("after", type=UUID)
    some = good_standing.by_name(found, after=after).limit(PAGE + 1)
    rows, last = page_of(db.session.execute(some).all())
    return respond(
        "shared/good_standing/index.html",
        "shared/good_standing/_list.html",
        persona=persona,
        rows=[(row, good_standing.standing_of(row)) for row in rows],
        after=last.id if last else None,
        show=show if show in _GOOD else "",
        on=on,
        count=good_standing.count(found),
        after_days=DuesSettings.of(current_organization).standing_after_days,
    )


def write_letter(persona: str, member_id: UUID, **conditions: Any) -> Response:
    """Today's letter, as a file."""
    with transaction():
        member = _member(member_id, **conditions)
        secret = wiring.settings().secret_key
        letter = standing_letters.write(member, current_organization, by=current_user, secret=secret)
    return see_other(f"{persona}.standing_letter", letter_id=letter.id)


def letter_pdf(letter_id: UUID, **conditions: Any) -> Response:
    """As it was written; NotFound where it is not about a member whom the conditions allow."""
    letter = StandingLetter.here().get(letter_id)
    paper = standing_pdf.paper_of(
        letter.stated,
        _member(letter.member_id, **conditions),
        current_organization,
        code=letter.code(wiring.settings().secret_key),
        address=wiring.links().standing_letters(current_organization),
        test_mode=wiring.settings().test_mode,
    )
    return as_file(wiring.drawn(paper), paper.file_name)


def new_waiver(member_id: UUID, form: WaiverForm | None = None) -> str:
    member = _member(member_id)
    return render_template(
        "shared/good_standing/waiver.html",
        member=member,
        form=form or WaiverForm(formdata=None),
        standing=good_standing.of(member, current_organization.today),
    )


def grant(member_id: UUID) -> Response | tuple[str, int]:
    form = WaiverForm()
    if not form.validate():
        return new_waiver(member_id, form), 422
    try:
        with transaction():
            member, today = _member(member_id), current_organization.today
            standing_waivers.grant(
                member, until=form.until.data, reason=form.reason.data, by=current_user, on=today
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return new_waiver(member_id, form), 422
    return see_other("national.member", member_id=member_id, notice="Good standing is granted.")


def end_waiver(member_id: UUID) -> Response:
    with transaction():
        standing_waivers.end(_member(member_id), by=current_user, on=current_organization.today)
    return see_other("national.member", member_id=member_id, notice="What was granted is ended.")


def _member(member_id: UUID, **conditions: Any) -> Member:
    found = Member.here().select(Member.id == member_id).filter_by(**conditions)
    member = db.session.scalars(found).first()
    if member is None:
        raise NotFound
    return member


def _as_row(row: Any) -> tuple[Any, ...]:
    standing = good_standing.standing_of(row)
    return (
        row.number, row.last_name, row.first_name, row.chapter, row.on.isoformat(),
        "yes" if standing.is_good else "no", standing.sentence(current_organization),
    )  # fmt: skip
