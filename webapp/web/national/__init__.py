"""Pages of the national office."""

from flask import Blueprint

from webapp.web import closed_books
from webapp.web.gates import national_gate

national = national_gate(Blueprint("national", __name__, url_prefix="/o/<org>/national"))
national.before_request(closed_books.take_word)
