"""Disputes: the payer's bank takes the money back and asks questions afterwards."""

from webapp.sandbox import fees
from webapp.sandbox.account import Account
from webapp.sandbox.errors import InvalidRequest
from webapp.sandbox.metadata import merged
from webapp.sandbox.specification import Json, description
from webapp.sandbox.store import Resource

DAYS_TO_ANSWER = 9
OPEN = {
    f"{course}{status}"
    for course in ("", "warning_", "appeal_")
    for status in ("needs_response", "under_review")
}


def open_dispute(
    account: Account, charge: Resource, *, reason: str, amount: int | None = None, inquiry: bool = False
) -> Resource:
    """An inquiry moves no money; a dispute withdraws the amount and a fee."""
    dispute = _begin(account, charge, reason=reason, amount=amount, inquiry=inquiry)
    if not inquiry:
        _withdraw(account, dispute)
    account.emit("charge.dispute.created", dispute)
    if not inquiry:
        account.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def return_debit(account: Account, charge: Resource, *, reason: str) -> Resource:
    """A bank debit that had succeeded comes back: told as a dispute that is lost from the start."""
    if charge["payment_method_details"]["type"] != "us_bank_account":
        raise InvalidRequest("Only a bank debit can be returned.")
    dispute = open_dispute(account, charge, reason=reason)
    return lose(account, dispute)


def escalate(account: Account, dispute: Resource) -> Resource:
    """The payer was not content with the answer to the inquiry: now it is about the money."""
    if not dispute["status"].startswith("warning"):
        raise InvalidRequest("Only an inquiry becomes a dispute.")
    previous = {"status": dispute["status"]}
    dispute |= {"status": "needs_response", "is_charge_refundable": False}
    dispute["evidence_details"]["due_by"] = account.now() + DAYS_TO_ANSWER * fees.DAY
    _withdraw(account, dispute)
    account.emit("charge.dispute.updated", dispute, previous)
    account.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def appeal(account: Account, dispute: Resource) -> Resource:
    """A lost dispute is looked at once more."""
    if dispute["status"] != "lost":
        raise InvalidRequest("Only a lost dispute is appealed.")
    dispute["status"] = "appeal_under_review"
    account.save(dispute)
    account.emit("charge.dispute.updated", dispute, {"status": "lost"})
    return dispute


def blocks_refunds(account: Account, charge: Resource) -> bool:
    """An inquiry does not, and neither does a dispute that was won."""
    known = account.store.select("dispute", account=account.id, matching={"charge": [charge.id]})
    return any(not one["is_charge_refundable"] for one in known)


def _begin(account: Account, charge: Resource, *, reason: str, amount: int | None, inquiry: bool) -> Resource:
    if charge["disputed"] or not charge["paid"]:
        raise InvalidRequest(
            "Only a paid charge that is not disputed yet can be disputed.", code="charge_disputed"
        )
    dispute = account.create(
        "dispute",
        amount=amount or charge["amount"],
        currency=charge["currency"],
        charge=charge.id,
        payment_intent=charge["payment_intent"],
        reason=reason,
        metadata={},
        balance_transactions=[],
        enhanced_eligibility_types=[],
        evidence=_no_evidence(),
        is_charge_refundable=inquiry,
        status="warning_needs_response" if inquiry else "needs_response",
        evidence_details={
            "due_by": account.now() + DAYS_TO_ANSWER * fees.DAY,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        **_method_details(charge, inquiry=inquiry),
    )
    charge["disputed"] = True
    account.save(charge)
    return dispute


def _withdraw(account: Account, dispute: Resource) -> None:
    taken = dict(fees.disputed(account, dispute))
    dispute["balance_transactions"] = [*dispute["balance_transactions"], taken]
    account.save(dispute)


def win(account: Account, dispute: Resource, *, fee_returned: bool = False) -> Resource:
    _must_be_open(dispute)
    inquiry = dispute["status"].startswith("warning")
    if not inquiry:
        given = dict(fees.dispute_won(account, dispute, fee_returned=fee_returned))
        dispute["balance_transactions"] = [*dispute["balance_transactions"], given]
    dispute["is_charge_refundable"] = True
    _close(account, dispute, "warning_closed" if inquiry else "won")
    if not inquiry:
        account.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def lose(account: Account, dispute: Resource) -> Resource:
    _must_be_open(dispute)
    return _close(account, dispute, "lost")


def concede(account: Account, params: Json) -> Resource:
    """The merchant accepts it."""
    return lose(account, account.find("dispute", params["dispute"]))


def answer(account: Account, params: Json) -> Resource:
    dispute = account.find("dispute", params["dispute"])
    _must_be_open(dispute)
    dispute["metadata"] = merged(dispute["metadata"], params.get("metadata", {}))
    previous = {"evidence": dispute["evidence"], "status": dispute["status"]}
    if "evidence" in params:
        if "uncategorized_file" in params["evidence"]:
            account.named("file", params["evidence"]["uncategorized_file"], param="evidence")
        dispute["evidence"] = dispute["evidence"] | params["evidence"]
        dispute["evidence_details"]["has_evidence"] = True
        if params.get("submit", True):
            dispute["evidence_details"]["submission_count"] += 1
            dispute["status"] = dispute["status"].replace("needs_response", "under_review")
    account.save(dispute)
    account.emit("charge.dispute.updated", dispute, previous)
    return dispute


def _close(account: Account, dispute: Resource, status: str) -> Resource:
    previous = {"status": dispute["status"]}
    dispute["status"] = status
    account.save(dispute)
    account.emit("charge.dispute.closed", dispute, previous)
    return dispute


def _must_be_open(dispute: Resource) -> None:
    if dispute["status"] not in OPEN:
        raise InvalidRequest("This dispute is already closed.", code="dispute_already_closed")


def _no_evidence() -> Json:
    members = description()["components"]["schemas"]["dispute_evidence"]["properties"]
    return dict.fromkeys(members) | {"enhanced_evidence": {}}


def _method_details(charge: Resource, *, inquiry: bool) -> Json:
    details = charge["payment_method_details"]
    if details["type"] != "card":
        return {}
    brand = details["card"]["brand"]
    card = {
        "brand": brand,
        "network": brand,
        "case_type": "inquiry" if inquiry else "chargeback",
        "network_reason_code": "10.4",
    }
    return {"payment_method_details": {"type": "card", "card": card}}
