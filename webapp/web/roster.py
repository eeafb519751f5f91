"""The list of members, a member's page and its form, as treasurers and the national office both see them."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from babel.numbers import NumberFormatError, format_decimal, parse_decimal
from flask import render_template, request
from flask_login import current_user
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response
from wtforms import BooleanField, DateField, SelectField, StringField, TextAreaField
from wtforms.validators import Email, InputRequired, Length, Optional, ValidationError

from webapp import wiring
from webapp.core import money
from webapp.core.db import db, transaction
from webapp.core.errors import Invalid, NotFound
from webapp.domain.notifications import outcomes
from webapp.domain.organizations import (
    Chapter,
    Member,
    MemberStatus,
    PledgeClass,
    RoleName,
    invitations,
    languages,
    member_search,
)
from webapp.domain.reporting.standing import good_standing
from webapp.web.edits import EditForm
from webapp.web.forms import offered
from webapp.web.gates import current_organization
from webapp.web.htmx import respond, see_other
from webapp.web.lists import PAGE, page_of, stream_csv, wants_csv

_HEADER = (
    "member_number", "first_name", "last_name", "email", "chapter_code", "chapter_name", "status",
    "pledge_class", "joined_on", "left_on", "phone", "ownership_share", "payroll_deduction",
)  # fmt: skip
HERE = [("now", "Have not left"), ("left", "Have left")]


def clean(text: str | None) -> str:
    return " ".join((text or "").split())


def _row_id(value: Any) -> UUID | None:
    return UUID(str(value)) if value else None


class ShareField(StringField):
    """A percentage typed as the organization's locale writes numbers: 1,5625 or 1.5625."""

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        self.raw_data = list(valuelist)
        text = str(valuelist[0]).replace("%", "").strip() if valuelist else ""
        self.data = None
        if not text:
            return
        try:
            found = parse_decimal(text, current_organization.locale, strict=True)
        except NumberFormatError as error:
            raise ValueError(f"“{text}” is not a percentage.") from error
        if not 0 <= found <= 100 or found != round(found, 6):
            raise ValueError("A share is between 0 and 100 per cent, with up to six decimals.")
        self.data = Decimal(found)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        if self.data is None:
            return ""
        return str(format_decimal(self.data, locale=current_organization.locale, decimal_quantization=False))


class MemberForm(EditForm):
    number = StringField("Number", [InputRequired("Enter a number."), Length(max=64)], filters=[clean])
    first_name = StringField("First name", [Length(max=120)], filters=[clean])
    last_name = StringField("Last name", [InputRequired("Enter a name."), Length(max=120)], filters=[clean])
    email = StringField(
        "Email address",
        [Optional(), Email("This is not an email address."), Length(max=254)],
        filters=[clean],
    )
    phone = StringField("Phone", [Length(max=64)], filters=[clean])
    address = TextAreaField("Postal address", [Length(max=1000)])
    chapter_id = SelectField("Chapter", coerce=_row_id)
    status_id = SelectField("Status", coerce=_row_id)
    pledge_class = StringField("Pledge class", [Length(max=120)], filters=[clean])
    joined_on = DateField("Joined on", [Optional()])
    left_on = DateField(
        "Left on", [Optional()], description="The last day. Leave empty for members who stay."
    )
    ownership_share = ShareField("Ownership share in per cent")
    payroll_deduction = BooleanField("Dues are deducted from pay")

    def __init__(self, chapters: Sequence[Chapter], **options: Any) -> None:
        super().__init__(**options)
        words = current_organization.vocabulary
        self.chapter_id.label.text, self.pledge_class.label.text = words.chapter, words.pledge_class
        self.chapter_id.choices = offered((chapter.id, chapter.name) for chapter in chapters)
        self.status_id.choices = offered((status.id, status.label) for status in statuses())

    def validate_left_on(self, field: Any) -> None:
        if field.data and self.joined_on.data and field.data < self.joined_on.data:
            raise ValidationError("The last day is before the day of joining.")

    def facts(self) -> dict[str, Any]:
        """The columns of the member's row."""
        names = ("number", "first_name", "last_name", "chapter_id", "status_id", "joined_on", "left_on")
        found = {name: self[name].data for name in (*names, "ownership_share", "payroll_deduction")}
        found["email"] = self.email.data.lower() or None
        found["phone"] = self.phone.data or None
        found["address"] = "\n".join(filter(None, map(str.strip, (self.address.data or "").splitlines())))
        name = self.pledge_class.data
        found["pledge_class_id"] = PledgeClass.named(self.chapter_id.data, name).id if name else None
        return found


def statuses() -> Sequence[MemberStatus]:
    return MemberStatus.here().all(order_by=MemberStatus.position)


def chapters() -> Sequence[Chapter]:
    return Chapter.here().all(order_by=Chapter.name)


def index(persona: str, *, chapter: Chapter | None = None) -> Response:
    """The list for this address's filters: a page, the part that changed, or a file that imports again."""
    wanted = member_search.MemberFilter(
        q=request.args.get("q", "").strip()[:200],
        chapter_id=chapter.id if chapter else request.args.get("chapter", type=UUID),
        status=request.args.get("status", ""),
        here=request.args.get("here", ""),
    )
    sort, today = request.args.get("sort", "name"), current_organization.today
    if wants_csv():
        return stream_csv("members.csv", _HEADER, _lines(member_search.find(wanted, on=today, sort=sort)))
    after = request.args.get("after", type=UUID)
    rows, last = page_of(member_search.find(wanted, on=today, sort=sort, after=after, limit=PAGE))
    status_options = [(status.code, status.label) for status in statuses()]
    chapter_options = [] if chapter else [(str(row.id), row.name) for row in chapters()]
    return respond(
        "roster/index.html",
        "roster/_list.html",
        persona=persona,
        rows=rows,
        after=last.id if last else None,
        today=today,
        undeliverable=outcomes.undeliverable([row.id for row in rows]),
        statuses=status_options,
        chapters=chapter_options,
        here=HERE,
        chips=_chips({"status": status_options, "chapter": chapter_options, "here": HERE}),
    )


def _chips(options: dict[str, list[tuple[str, str]]]) -> list[tuple[str, str, str]]:
    found = []
    for name in ("q", *options):
        value = request.args.get(name)
        if value:
            label = dict(options[name]).get(value, value) if name in options else f"“{value}”"
            found.append((label, name, value))
    return found


def _lines(rows: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        share = "" if row.ownership_share is None else money.shortest(row.ownership_share)
        yield (
            row.number, row.first_name, row.last_name, row.email, row.chapter_code, row.chapter,
            row.status_code, row.pledge_class, row.joined_on, row.left_on, row.phone, share,
            "yes" if row.payroll_deduction else "no",
        )  # fmt: skip


def loaded(member_id: UUID, *, chapter: Chapter | None = None) -> Member:
    """The member with chapter and status; a treasurer finds only those of the own chapter."""
    statement = (
        Member.here()
        .select(Member.id == member_id)
        .options(joinedload(Member.chapter), joinedload(Member.status))
    )
    found = db.session.scalars(statement).first()
    if found is None or (chapter is not None and found.chapter_id != chapter.id):
        raise NotFound
    return found


def show(persona: str, member: Member) -> str:
    found = PledgeClass.here().first(PledgeClass.id == member.pledge_class_id)
    share = format_decimal(
        member.ownership_share or 0, locale=current_organization.locale, decimal_quantization=False
    )
    return render_template(
        "roster/show.html",
        persona=persona,
        member=member,
        pledge_class=found,
        share=share,
        standing=good_standing.of(member, current_organization.today),
        language=languages.name(member.language, current_organization) if member.language else None,
        failed=outcomes.undeliverable([member.id]).get(member.id),
        today=current_organization.today,
    )


def edit(persona: str, member: Member, allowed: Sequence[Chapter]) -> str:
    return _form_page(persona, _stored(member, allowed).shown(), member)


def new(persona: str, allowed: Sequence[Chapter]) -> str:
    return _form_page(persona, MemberForm(allowed, formdata=None), None)


def update(persona: str, member_id: UUID, allowed: Sequence[Chapter]) -> Response | tuple[str, int]:
    """Correct by hand; refused when somebody else changed the member while this form was open."""
    form = MemberForm(allowed)
    member = loaded(member_id)
    if member.chapter_id not in {chapter.id for chapter in allowed}:
        raise NotFound
    if not form.validate():
        return _form_page(persona, form, member), 422
    try:
        with transaction():
            member = Member.here().get(member_id, lock=True)
            form.refuse_unseen_changes(_stored(member, allowed), member)
            member.correct(form.facts(), by=current_user)
    except Invalid as refusal:
        form.refuse(refusal)
        return _form_page(persona, form, loaded(member_id)), refusal.status
    return see_other(f"{persona}.member", notice=f"{member.name} is saved.", member_id=member_id)


def create(persona: str, allowed: Sequence[Chapter]) -> Response | tuple[str, int]:
    form = MemberForm(allowed)
    if not form.validate():
        return _form_page(persona, form, None), 422
    try:
        with transaction():
            member = Member.enroll(form.facts(), by=current_user)
    except Invalid as refusal:
        form.refuse(refusal)
        return _form_page(persona, form, None), 422
    return see_other(f"{persona}.member", notice=f"{member.name} is a member now.", member_id=member.id)


def invite(persona: str, member: Member) -> Response:
    """To the member's own pages, by mail to the address on file."""
    if not member.email:
        raise Invalid("This member has no email address; enter one first.")
    with transaction():
        invitations.invite(
            member.email, RoleName.MEMBER, member=member, by=current_user, secret=wiring.settings().secret_key
        )
    notice = f"An invitation to {member.email} is on its way."
    return see_other(f"{persona}.member", notice=notice, member_id=member.id)


def _stored(member: Member, allowed: Sequence[Chapter]) -> MemberForm:
    pledge_class = PledgeClass.here().first(PledgeClass.id == member.pledge_class_id)
    form = MemberForm(allowed, formdata=None, obj=member)
    form.pledge_class.data = pledge_class.name if pledge_class else ""
    return form


def _form_page(persona: str, form: MemberForm, member: Member | None) -> str:
    return render_template("roster/form.html", persona=persona, form=form, member=member)
