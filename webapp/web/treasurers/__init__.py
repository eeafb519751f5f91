"""Pages of a chapter's treasurer."""

from flask import Blueprint

from webapp.web import closed_books
from webapp.web.gates import treasurers_gate

treasurers = treasurers_gate(Blueprint("treasurers", __name__, url_prefix="/o/<org>/chapters/<chapter>"))
treasurers.before_request(closed_books.take_word)
