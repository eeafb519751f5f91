"""A member's own pages."""

from flask import Blueprint

from webapp.web.gates import members_gate

members = members_gate(Blueprint("members", __name__, url_prefix="/o/<org>/my"))
