"""What happened to a dispute, in order: from its own rows."""

from collections.abc import Sequence

from sqlalchemy.orm import joinedload

from webapp.core import money
from webapp.core.db import db
from webapp.domain.payments.disputes import AnswerState, Dispute, DisputeAnswer, DisputeEntry
from webapp.domain.reporting.history import Happening


def of_dispute(dispute: Dispute, answers: Sequence[DisputeAnswer]) -> list[Happening]:
    found = [Happening(dispute.opened_at, "opened", amount=dispute.amount)]
    found += [_entry(entry, dispute) for entry in DisputeEntry.of(dispute)]
    for answer in answers:
        found += _answer(answer)
    return sorted(found, key=lambda happening: happening.at)


def answers_to(dispute: Dispute) -> Sequence[DisputeAnswer]:
    """What was said to the bank, oldest first, with who decided it."""
    statement = DisputeAnswer.here().select(DisputeAnswer.dispute_id == dispute.id)
    loaded = statement.options(joinedload(DisputeAnswer.promised_by)).order_by(DisputeAnswer.id)
    return db.session.scalars(loaded).all()


def _entry(entry: DisputeEntry, dispute: Dispute) -> Happening:
    currency = dispute.payment.currency
    fee = money.display(abs(entry.fee), currency)
    detail = None if not entry.fee else f"Fee {fee}" if entry.fee > 0 else f"Fee {fee} given back"
    return Happening(entry.created_at, entry.kind.value, amount=entry.amount or None, detail=detail)


def _answer(answer: DisputeAnswer) -> list[Happening]:
    by = answer.promised_by.name if answer.promised_by else None
    found = [Happening(answer.created_at, f"{answer.kind}_promised", by)]
    if answer.settled_at and answer.state is not AnswerState.PROMISED:
        found.append(Happening(answer.settled_at, f"answer_{answer.state}", detail=answer.refusal))
    return found
