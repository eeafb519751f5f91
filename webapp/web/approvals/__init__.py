"""The approval queue: for whoever decides, and for whoever asked."""

from flask import Blueprint

from webapp.web import closed_books
from webapp.web.gates import role_gate

approvals = role_gate(Blueprint("approvals", __name__, url_prefix="/o/<org>/approvals"))
approvals.before_request(closed_books.take_word)
