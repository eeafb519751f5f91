"""Four eyes: what one person asked for, another decides, and what was approved is what is done."""

from webapp.domain.approvals.action import Action
from webapp.domain.approvals.asking import ask
from webapp.domain.approvals.delegation import ApprovalDelegation
from webapp.domain.approvals.lapsing import lapse_about, lapse_of
from webapp.domain.approvals.order import canonical
from webapp.domain.approvals.policy import ApprovalPolicy, Limit, covers, limit_of
from webapp.domain.approvals.powers import Powers, may_decide
from webapp.domain.approvals.request import AlreadyDecided, ApprovalRequest, Deed, NotWhatWasApproved
from webapp.domain.approvals.state import OPEN, ApprovalState

__all__ = [
    "OPEN",
    "Action",
    "AlreadyDecided",
    "ApprovalDelegation",
    "ApprovalPolicy",
    "ApprovalRequest",
    "ApprovalState",
    "Deed",
    "Limit",
    "NotWhatWasApproved",
    "Powers",
    "ask",
    "canonical",
    "covers",
    "lapse_about",
    "lapse_of",
    "limit_of",
    "may_decide",
]
