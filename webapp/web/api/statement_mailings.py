"""Statements of some days to many members: chosen here, then started and watched as a bulk action."""

from datetime import date

from flask import g

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.bulk_actions import statement_readers
from webapp.domain.bulk_actions.statement_readers import Readers, Wanted
from webapp.domain.organizations import Chapter
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import OFFICERS, acting
from webapp.web.api.bulk_actions import FORESEEN, foreseen
from webapp.web.api.fields import shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.statements import TOPIC

CHOICE = shape_in(
    "StatementMailingNew",
    since=f.day("The first day; the first of the year unless told"),
    until=f.day("The last day; today unless told"),
    readers=f.choice("Who gets one; `moved` is whose account had an event in these days", Readers).needed(),
    chapter_ids=f.identifiers("Only of these chapters", most=1_000).without_example(),
)


@operations.post(
    "/organizations/<uuid:organization_id>/statement-mailings/",
    summary="Choose who gets a statement by mail",
    topic=TOPIC,
    gives=FORESEEN,
    takes=CHOICE,
    allowed=OFFICERS,
)
def choose_for_statement_mailing(body: Values) -> Answer:
    """Fixes who it is about and says who would be left out. Nothing is sent before the bulk action of this id
    is started; each member gets one mail of it, whatever happens to the work. A treasurer's token sends what
    its chapter has of each account."""
    own = bearer.own_chapter()
    until: date = body.get("until", g.organization.today)
    named = body.get("chapter_ids", [])
    wanted = Wanted(body.get("since", date(until.year, 1, 1)), until, Readers(body["readers"]), named)
    with transaction():
        _refuse_unknown(wanted)
        return foreseen(statement_readers.choose(wanted, g.organization, chapter_id=own, by=acting))


def _refuse_unknown(wanted: Wanted) -> None:
    known = bearer.reached(Chapter.here().select(Chapter.id.in_(wanted.chapter_ids)), Chapter.id)
    if len(db.session.scalars(known).all()) < len(set(wanted.chapter_ids)):
        raise Invalid(fields={"chapter_ids": "There is no chapter with one of these ids."})
