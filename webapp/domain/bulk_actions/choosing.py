"""Choosing what an action is about, looking at what it would do, and confirming just that."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, case, delete, func, insert, literal, select, update

from webapp.core.db import db, new_id
from webapp.core.errors import Conflict, Invalid
from webapp.domain.billing import search
from webapp.domain.billing.ids import new_ids
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.search import InvoiceFilter
from webapp.domain.bulk_actions import leaving_out
from webapp.domain.bulk_actions.bulk_action import BulkAction, BulkKind, BulkResult, BulkState, Outcome, Terms
from webapp.domain.bulk_actions.repeating import Earlier, earlier_today
from webapp.domain.organizations import Login, Organization

MOST = 20_000
FORGOTTEN_AFTER = timedelta(days=1)


class ListChanged(Invalid):
    """Between preview and confirmation; the new preview is shown, and confirming that is allowed."""

    status = 409
    code = "conflict"
    message = "Meanwhile the invoices have changed. Look once more, then confirm."


class NotLookedAt(Invalid):
    """The terms are new: what they would do is shown before it can be confirmed."""

    message = "Look at what this would do, then confirm it."


@dataclass(frozen=True)
class Preview:
    """`count` will be done; `owed` is what is owed on these invoices, and `change` by how much that falls, or
    rises when it is negative, in minor units. `paid` of them are paid in whole or part, and voiding makes
    credit notes of that: `credited`. `left_out` counts the others by the reason why; what is left out of
    mail alone can go `on_paper`. `earlier` is the same thing done to some of them today."""

    terms: Terms
    count: int
    owed: int
    paid: int
    credited: int
    left_out: Mapping[str, int]
    earlier: Earlier | None = None

    @property
    def on_paper(self) -> int:
        return self.left_out.get(leaving_out.NO_ADDRESS, 0) if self.terms.until else 0

    @property
    def change(self) -> int:
        if self.terms.amount is None:
            return self.owed
        return self.count * self.terms.amount * (-1 if self.terms.raises else 1)

    @property
    def summary(self) -> str:
        """What somebody confirms has to be what they saw."""
        agreed = f"{self.terms.adjustment or ''},{self.terms.amount or ''}"
        return f"{agreed}:{self.count},{self.owed}" + (f",{self.credited}" if self.credited else "")


def choose(
    kind: BulkKind,
    wanted: InvoiceFilter,
    organization: Organization,
    *,
    chapter_id: UUID | None,
    by: Login,
) -> BulkAction:
    """Fix which invoices it is about; nothing is done yet. What nobody confirms is forgotten after a day."""
    action = BulkAction(id=new_id(), kind=kind, chapter_id=chapter_id, requested_by_id=by.id)
    found = search.ids(wanted, organization)
    if not write_down(action, found, organization):
        raise Invalid("Tick at least one invoice, or choose all that match.")
    return action


def write_down(action: BulkAction, found: Select[Any], organization: Organization) -> int:
    """What `found` selects the ids of is what the action is about. How many."""
    _forget_unconfirmed(organization)
    db.session.add(action)
    db.session.flush()
    ids = found.limit(MOST + 1).subquery()
    columns: dict[str, Any] = {
        "organization_id": literal(organization.id),
        "id": new_ids(),
        "action_id": literal(action.id),
        "member_id" if action.kind.is_about_members else "invoice_id": ids.c.id,
        "outcome": literal(Outcome.CHOSEN.value),
    }
    rows = insert(BulkResult).from_select(list(columns), select(*columns.values()))
    action.chosen = len(db.session.execute(rows.returning(BulkResult.id)).all())
    if action.chosen > MOST:
        raise Invalid(f"These are more than {MOST:,} {action.nouns}. Choose fewer, and do it in parts.")
    return action.chosen


def preview(action: BulkAction, organization: Organization, terms: Terms) -> Preview:
    """What it would do now."""
    reason = leaving_out.why_not(action.kind, organization, terms).label("reason")
    held, voids = Invoice.paid - Invoice.refunded, action.kind is BulkKind.VOID
    figures = func.count(), func.sum(Invoice.owed), func.count().filter(held > 0), func.sum(held)
    rows = db.session.execute(leaving_out.rows(action, reason, *figures).group_by(reason)).all()
    done = next((row for row in rows if row.reason is None), (None, 0, 0, 0, 0))
    return Preview(
        terms=terms,
        count=done[1],
        owed=int(done[2] or 0),
        paid=done[3] if voids else 0,
        credited=int(done[4] or 0) if voids else 0,
        left_out={row.reason: row[1] for row in rows if row.reason is not None},
        earlier=earlier_today(action, organization) if action.kind.is_about_members else None,
    )


def confirm(
    action: BulkAction,
    organization: Organization,
    terms: Terms,
    *,
    seen: str,
    by: Login,
    again: bool = False,
) -> None:
    """Do to all of them what the preview with this summary said; what was done earlier today only if it is to
    be done `again`. `action` is locked."""
    if not action.is_chosen:
        raise Conflict("This was confirmed before.", next_step="Look at how far it is.")
    _refuse_without_terms(action.kind, terms)
    now = preview(action, organization, terms)
    if now.summary.partition(":")[0] != seen.partition(":")[0]:
        raise NotLookedAt
    if now.summary != seen:
        raise ListChanged
    if now.earlier and not again:
        told = "Tick this if they are to get it once more today."
        raise Invalid(fields={"again": told})
    if not now.count and not now.on_paper:
        raise Invalid("There is nothing to do: all of them are left out.")
    _sort_out(action, organization, terms)
    action.begin(terms, waiting=now.count, by=by)


def _refuse_without_terms(kind: BulkKind, terms: Terms) -> None:
    problems = {}
    if kind.needs_reason and not terms.reason:
        problems["reason"] = "Say why. It stands in the history of each of them."
    if kind.needs_terms and terms.adjustment is None:
        problems["adjustment"] = "Choose what kind of adjustment it is."
    if kind.needs_terms and terms.raises and terms.amount is None:
        problems["amount"] = "Enter what is added to each of them."
    if terms.amount is not None and terms.amount <= 0:
        problems["amount"] = "Enter more than zero."
    if problems:
        raise Invalid(fields=problems)


def _forget_unconfirmed(organization: Organization) -> None:
    old = (
        BulkAction.organization_id == organization.id,
        BulkAction.state == BulkState.CHOSEN,
        BulkAction.created_at < func.now() - FORGOTTEN_AFTER,
    )
    theirs = BulkResult.action_id.in_(select(BulkAction.id).where(*old))
    db.session.execute(delete(BulkResult).where(BulkResult.organization_id == organization.id, theirs))
    db.session.execute(delete(BulkAction).where(*old))


def _sort_out(action: BulkAction, organization: Organization, terms: Terms) -> None:
    """One statement: who waits for a turn, and who is left out why."""
    why = leaving_out.why_not(action.kind, organization, terms).label("why")
    judged = leaving_out.rows(action, BulkResult.id, why).subquery()
    db.session.execute(
        update(BulkResult)
        .where(BulkResult.organization_id == action.organization_id, BulkResult.id == judged.c.id)
        .values(
            outcome=case(
                (judged.c.why.is_(None), literal(Outcome.WAITING.value)),
                else_=literal(Outcome.LEFT_OUT.value),
            ),
            note=judged.c.why,
        ),
        execution_options={"synchronize_session": False},
    )
