"""Whether a letter of good standing still holds: for whoever has its code, and no more than it says."""

from flask import render_template, request
from werkzeug.wrappers import Response

from webapp.domain.reporting.standing import letters
from webapp.web import pace
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.public import visitors

_LONGEST = 80


@visitors.get("/standing-letters/")
def standing_letters() -> str | Response:
    code = request.args.get("code", "").strip()[:_LONGEST]
    if code:
        return see_other("visitors.standing_letter", token=code)
    return render_template("public/good_standing/ask.html", code="", unknown=False)


@visitors.get("/standing-letters/<token>")
def standing_letter(token: str) -> str | tuple[str, int]:
    pace.count_code()
    letter = letters.with_code(token[:_LONGEST])
    if letter is None:
        return render_template("public/good_standing/ask.html", code=token[:_LONGEST], unknown=True), 404
    lapsed_on = letters.lapsed_on(letter, current_organization)
    return render_template("public/good_standing/show.html", letter=letter, lapsed_on=lapsed_on)
