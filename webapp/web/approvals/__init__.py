"""The approval queue: for whoever decides, and for whoever asked."""

from flask import Blueprint

from webapp.web.gates import role_gate

approvals = role_gate(Blueprint("approvals", __name__, url_prefix="/o/<org>/approvals"))
