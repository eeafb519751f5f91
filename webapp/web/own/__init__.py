"""What somebody keeps for themselves here: views of lists, and what was typed when a session ended."""

from flask import Blueprint

from webapp.web.gates import role_gate

own = role_gate(Blueprint("own", __name__, url_prefix="/o/<org>/own"))
