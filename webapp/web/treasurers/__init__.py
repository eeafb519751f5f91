"""Pages of a chapter's treasurer."""

from flask import Blueprint

from webapp.web.gates import treasurers_gate

treasurers = treasurers_gate(Blueprint("treasurers", __name__, url_prefix="/o/<org>/chapters/<chapter>"))
