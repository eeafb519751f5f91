"""Doing it to one after the other, each in a transaction of its own, with a result for each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from webapp.core.db import db
from webapp.core.errors import Invalid, NotAllowed, Refusal
from webapp.domain.billing import adjusting
from webapp.domain.billing.adjustment_effect import Change
from webapp.domain.billing.invoice import Invoice
from webapp.domain.bulk_actions import leaving_out
from webapp.domain.bulk_actions.bulk_action import BulkAction, BulkKind, BulkResult, Outcome
from webapp.domain.notifications import by_hand
from webapp.domain.notifications.links import Links
from webapp.domain.organizations import Login, Member, Organization
from webapp.domain.organizations.access import Access
from webapp.domain.payments import voiding

SLICE = 50


@dataclass(frozen=True)
class Turn:
    """The turn of one invoice, which is locked, or of one member."""

    result: BulkResult
    action: BulkAction
    organization: Organization
    by: Login
    about: Invoice | Member

    @property
    def invoice(self) -> Invoice:
        assert isinstance(self.about, Invoice), "What is done to invoices is done to one"
        return self.about


def waiting(action_id: UUID) -> Sequence[UUID]:
    """The results whose turn is next, as many as one job does. What was put off comes after the others."""
    found = (
        BulkResult.here()
        .select(BulkResult.action_id == action_id, BulkResult.outcome == Outcome.WAITING)
        .with_only_columns(BulkResult.id)
        .order_by(BulkResult.note.is_not(None), BulkResult.id)
        .limit(SLICE)
    )
    return db.session.scalars(found).all()


def carry_out(result_id: UUID, links: Links) -> None:
    """Its turn, unless somebody did it already. A Refusal undoes this one alone; note it with `refuse`."""
    turn = begin(result_id)
    if turn is not None:
        turn.result.settle(Outcome.DONE, _VERBS[turn.action.kind](turn, links))


def begin(result_id: UUID) -> Turn | None:
    """None where it is over, or left out by now."""
    result = BulkResult.here().get(result_id, lock=True)
    if result.outcome is not Outcome.WAITING:
        return None
    action = BulkAction.here().get(result.action_id)
    organization = db.session.get_one(Organization, action.organization_id)
    by = db.session.get_one(Login, action.requested_by_id)
    about = _about(result)
    _refuse_who_may_not(by, about.chapter_id, organization)
    if why := _left_out(action, result, organization):
        result.settle(Outcome.LEFT_OUT, why)
        return None
    return Turn(result, action, organization, by, about)


def refuse(result_id: UUID, refusal: Refusal) -> None:
    """The others go on."""
    result = BulkResult.here().get(result_id, lock=True)
    if result.outcome is Outcome.WAITING:
        fields = refusal.fields.values() if isinstance(refusal, Invalid) else ()
        result.settle(Outcome.REFUSED, " ".join(dict.fromkeys([refusal.message, *fields])))


def go_on(action_id: UUID) -> None:
    """With the next slice, if anybody waits; else it is over."""
    action = BulkAction.here().get(action_id, lock=True)
    if not action.is_running:
        return
    if waiting(action_id):
        action.go_on()
    else:
        action.finish()


def _about(result: BulkResult) -> Invoice | Member:
    if result.invoice_id is not None:
        return Invoice.here().get(result.invoice_id, lock=True)
    assert result.member_id is not None, "The database knows of nothing else"
    return Member.here().get(result.member_id)


def _refuse_who_may_not(by: Login, chapter_id: UUID, organization: Organization) -> None:
    """Roles may have been taken away since it was confirmed."""
    access = Access.of(by, organization)
    if by.disabled_at is not None or not access.can_change_chapter(chapter_id):
        raise NotAllowed(f"{by.name} may not do this any more.")


def _left_out(action: BulkAction, result: BulkResult, organization: Organization) -> str | None:
    """Asked again now, with the invoice locked: it may have been paid since."""
    why = leaving_out.why_not(action.kind, organization, action.agreed)
    found: str | None = db.session.scalar(leaving_out.rows(action, why).where(BulkResult.id == result.id))
    return found


def _remind(turn: Turn, links: Links) -> None:
    by_hand.remind(turn.invoice, on=turn.organization.today, by=turn.by, links=links)


def _send_again(turn: Turn, links: Links) -> None:
    by_hand.send_invoice(turn.invoice, by=turn.by, links=links)


def _void(turn: Turn, _: Links) -> str | None:
    """What was received for it becomes credit notes first, as when it is voided alone."""
    assert turn.action.reason is not None, "Voiding is confirmed with a reason"
    notes = voiding.void(turn.invoice.id, by=turn.by, reason=turn.action.reason, on=turn.organization.today)
    return f"What was paid is kept: {', '.join(note.number for note in notes)}." if notes else None


def _adjust(turn: Turn, _: Links) -> str | None:
    terms = turn.action.agreed
    assert terms.adjustment is not None and terms.reason is not None, "Adjusting is confirmed with its terms"
    change = Change(terms.adjustment, terms.amount or turn.invoice.owed, terms.reason)
    adjustment = adjusting.adjust(turn.invoice, change, by=turn.by, on=turn.organization.today)
    return "It waits for a second person's approval." if adjustment.is_requested else None


_VERBS: dict[BulkKind, Callable[[Turn, Links], str | None]] = {
    BulkKind.REMIND: _remind,
    BulkKind.SEND_AGAIN: _send_again,
    BulkKind.VOID: _void,
    BulkKind.ADJUST: _adjust,
}
