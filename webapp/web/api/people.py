"""Chapters and members."""

from typing import Any
from uuid import UUID

from flask import g
from sqlalchemy import or_
from sqlalchemy.orm import joinedload

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid, NotFound
from webapp.domain.ledger import Code, member_balance
from webapp.domain.organizations import Chapter, Member, MemberStatus, languages
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import ADMIN, EVERYBODY, OFFICERS, STAFF, acting
from webapp.web.api.fields import Field, Shape, change_in, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import filtered, listing, page, pages_of

TOPIC = "Chapters and members"

_CHAPTER = {
    "name": f.text("Its name", "Alpha Chapter", least=1),
    "address": f.text("Its postal address, in lines", "1 Main Street\nSpringfield, OH 45501", most=500),
    "active": f.flag("Whether it still takes members"),
}
CHAPTER = Shape(
    "Chapter", {"id": f.identifier("The chapter"), "code": f.text("Its short name", "ALP")} | _CHAPTER
)
CHAPTER_NEW = shape_in(
    "ChapterNew",
    code=f.text(
        "Its short name, read without case", "ALP", least=1, most=20, pattern="^[A-Za-z0-9-]+$"
    ).needed(),
    name=_CHAPTER["name"].needed(),
    address=_CHAPTER["address"],
)
CHAPTER_CHANGE = change_in("ChapterChange", **_CHAPTER)

_EMAIL = r"^[^@\s\x00]+@[^@\s\x00]+\.[^@\s\x00]+$"
_FACTS: dict[str, Field] = {
    "number": f.text("The member's number in the organization", "PX00012", least=1, most=40),
    "first_name": f.text("First name", "Ana", most=100),
    "last_name": f.text("Last name", "Núñez", least=1, most=100),
    "email": f.text(
        "Where mail about dues goes", "ana@members.example.org", most=254, pattern=_EMAIL
    ).or_null(),
    "phone": f.text("Telephone", "+1 555 0100", most=40).or_null(),
    "address": f.text("Postal address, in lines", "1 Main Street\nSpringfield, OH 45501", most=500),
    "chapter_id": f.identifier("The chapter"),
    "status": f.text("Code of the member's status", "undergraduate", least=1, most=60),
    "joined_on": f.day("First day of membership").or_null(),
    "left_on": f.day("Last day of membership; who has left gets no new invoices").or_null(),
    "ownership_share": f.decimal("Part of what is divided by share", "0.125", places=6).or_null(),
    "payroll_deduction": f.flag("Whether an employer deducts the dues", example=False),
}
_MAIL: dict[str, Field] = {
    "reminders_paused_until": f.day("No reminder goes out through this day").or_null(),
    "language": f.text(
        "ISO 639 code of the language of reminders; null for the organization's", "es", pattern="^[a-z]{2,3}$"
    ).or_null(),
    "statements_by_mail": f.flag("Whether statements that go to many members go to this one too"),
}
MEMBER = Shape("Member", {"id": f.identifier("The member")} | _FACTS | _MAIL)
MEMBER_NEW = shape_in(
    "MemberNew",
    **_FACTS
    | {name: _FACTS[name].needed() for name in ("number", "first_name", "last_name", "chapter_id", "status")},
)
MEMBER_CHANGE = change_in("MemberChange", **_FACTS, **_MAIL)
MEMBER_FILTERS = listing(
    "MemberFilters",
    chapter=f.identifier("Only this chapter's"),
    status=f.text("Only of this status, by its code", "undergraduate", least=1),
    q=f.text("The beginning of a name, number or mail address", "Núñez", least=1),
)
BALANCE = Shape(
    "MemberBalance",
    {
        "member_id": f.identifier("The member"),
        "owed": f.amount("What the member owes on invoices"),
        "unapplied": f.amount("Received and not yet settled against an invoice", 0),
        "credit_notes": f.amount("Held as credit notes", 0),
        "wallet": f.amount("In the member's wallet", 0),
        "currency": f.currency(),
    },
)
_CHAPTERS = "/organizations/<uuid:organization_id>/chapters/"
_MEMBERS = "/organizations/<uuid:organization_id>/members/"
_MEMBER = _MEMBERS + "<uuid:member_id>/"


@operations.get(
    _CHAPTERS,
    summary="List chapters",
    topic=TOPIC,
    gives=pages_of(CHAPTER),
    query=listing("ChapterFilters", active=f.flag("Only active ones, or only others")),
    allowed=STAFF,
)
def list_chapters(query: Values) -> Answer:
    """A treasurer's token finds its own chapter."""
    found = filtered(Chapter.here().select(), query, {"active": "active"})
    return page(bearer.reached(found, Chapter.id), Chapter, query, CHAPTER.tell)


@operations.post(
    _CHAPTERS, summary="Add a chapter", topic=TOPIC, gives=CHAPTER, takes=CHAPTER_NEW, allowed=ADMIN
)
def add_chapter(body: Values) -> Answer:
    """A new unit of the organization, with books of its own."""
    with transaction():
        chapter = Chapter.found(body["code"], body["name"], address=body.get("address", ""), by=acting)
    return CHAPTER.tell(chapter)


@operations.get(
    _CHAPTERS + "<uuid:chapter_id>/", summary="Read a chapter", topic=TOPIC, gives=CHAPTER, allowed=STAFF
)
def read_chapter(chapter_id: UUID) -> Answer:
    """Its name, address and whether it is active."""
    chapter = Chapter.here().get(chapter_id)
    bearer.in_reach(chapter_id=chapter.id)
    return CHAPTER.tell(chapter)


@operations.patch(
    _CHAPTERS + "<uuid:chapter_id>/",
    summary="Change a chapter",
    topic=TOPIC,
    gives=CHAPTER,
    takes=CHAPTER_CHANGE,
    allowed=ADMIN,
)
def change_chapter(chapter_id: UUID, body: Values) -> Answer:
    """Send what changes. The code stays, because files and commands refer to it."""
    with transaction():
        chapter = Chapter.here().get(chapter_id, lock=True)
        facts = chapter.facts | body
        chapter.change(name=facts["name"], address=facts["address"], active=facts["active"], by=acting)
    return CHAPTER.tell(chapter)


@operations.get(
    _MEMBERS,
    summary="List members",
    topic=TOPIC,
    gives=pages_of(MEMBER),
    query=MEMBER_FILTERS,
    allowed=STAFF,
)
def list_members(query: Values) -> Answer:
    """Everybody with an account, also who has left. A treasurer's token finds its own chapter's members."""
    found = Member.here().select().join(Member.status).options(joinedload(Member.status))
    found = bearer.reached(found, Member.chapter_id)
    if "chapter" in query:
        found = found.where(Member.chapter_id == query["chapter"])
    if "status" in query:
        found = found.where(MemberStatus.code == query["status"])
    if "q" in query:
        columns = (Member.first_name, Member.last_name, Member.number, Member.email)
        found = found.where(or_(*[column.istartswith(query["q"], autoescape=True) for column in columns]))
    return page(found, Member, query, _member)


@operations.post(
    _MEMBERS, summary="Add a member", topic=TOPIC, gives=MEMBER, takes=MEMBER_NEW, allowed=OFFICERS
)
def add_member(body: Values) -> Answer:
    """One member by hand. For a whole roster send a file to roster-imports."""
    with transaction():
        member = Member.enroll({"address": "", "payroll_deduction": False} | _facts(body), by=acting)
    return _member(_loaded(member.id))


@operations.get(_MEMBER, summary="Read a member", topic=TOPIC, gives=MEMBER, allowed=EVERYBODY)
def read_member(member_id: UUID) -> Answer:
    """What the organization knows about the member."""
    return _member(_loaded(member_id))


@operations.patch(
    _MEMBER, summary="Change a member", topic=TOPIC, gives=MEMBER, takes=MEMBER_CHANGE, allowed=OFFICERS
)
def change_member(member_id: UUID, body: Values) -> Answer:
    """Send what changes. A roster import leaves these fields alone afterwards."""
    with transaction():
        member = bearer.reach_member(member_id, lock=True)
        member.correct(_facts(body), by=acting)
        _set_mail(member, body)
    return _member(_loaded(member_id))


@operations.get(
    "/members/<uuid:member_id>/balance/",
    summary="Read a member's balance",
    topic=TOPIC,
    gives=BALANCE,
    allowed=EVERYBODY,
)
def read_member_balance(member_id: UUID) -> Answer:
    """What the member owes, and what is held for the member, from the books."""
    member = bearer.reach_member(member_id)
    return BALANCE.tell(
        member,
        member_id=member.id,
        owed=member_balance(member.id, Code.RECEIVABLE),
        unapplied=member_balance(member.id, Code.UNAPPLIED_RECEIPTS),
        credit_notes=member_balance(member.id, Code.CREDIT_NOTES),
        wallet=member_balance(member.id, Code.MEMBER_WALLETS),
        currency=g.organization.currency,
    )


def _set_mail(member: Member, body: Values) -> None:
    """What is left out stays as it is."""
    now = {name: getattr(member, name) for name in _MAIL} | {k: v for k, v in body.items() if k in _MAIL}
    if now["language"] not in (None, *languages.offered(g.organization)):
        raise Invalid(fields={"language": "Reminders can't be in this language."})
    member.set_mail(
        paused_until=now["reminders_paused_until"],
        language=now["language"],
        statements=now["statements_by_mail"],
        by=acting,
    )


def chapter_named(chapter_id: UUID, field: str = "chapter_id") -> Chapter:
    """The chapter that a body names, within the token's reach."""
    try:
        bearer.in_reach(chapter_id=chapter_id)
        return Chapter.here().get(chapter_id)
    except NotFound as error:
        raise Invalid(fields={field: "There is no chapter with this id."}) from error


def status_named(code: str) -> MemberStatus:
    status = MemberStatus.here().first(MemberStatus.code == code)
    if status is None:
        raise Invalid(fields={"status": f"There is no status “{code}”."})
    return status


def _facts(body: Values) -> Values:
    facts = {name: value for name, value in body.items() if name != "status"}
    if "chapter_id" in body:
        chapter_named(body["chapter_id"])
    if "status" in body:
        facts["status_id"] = status_named(body["status"]).id
    return facts


def _loaded(member_id: UUID) -> Member:
    found = Member.here().select(Member.id == member_id).options(joinedload(Member.status))
    member = db.session.scalars(found.execution_options(populate_existing=True)).first()
    if member is None:
        raise NotFound
    bearer.in_reach(chapter_id=member.chapter_id, member_id=member.id)
    return member


def _member(member: Member) -> dict[str, Any]:
    return MEMBER.tell(member, status=member.status.code)
