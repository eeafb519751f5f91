"""The page a payer is sent to. It works without JavaScript, and no card is ever charged on it."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from webapp.sandbox import sessions
from webapp.sandbox.instruments import BANKS, CARDS, INSTRUMENTS, Instrument, numbered
from webapp.sandbox.money import shown
from webapp.sandbox.processor import Processor
from webapp.sandbox.sessions import Outcome
from webapp.sandbox.store import Resource

Answer = Response | tuple[str, int]


def blueprint(processor: Processor) -> Blueprint:
    pages = Blueprint("checkout", __name__, url_prefix="/checkout")

    @pages.get("/<session_id>")
    def show(session_id: str) -> Answer:
        return _page(_session(processor, session_id))

    @pages.post("/<session_id>")
    def pay(session_id: str) -> Answer:
        return _pay(processor, _session(processor, session_id))

    @pages.get("/<session_id>/authentication")
    def ask(session_id: str) -> Answer:
        session = _session(processor, session_id)
        if session["status"] != "open":
            return _page(session)
        return render_template("authentication.html", session=session, shown=shown), 200

    @pages.post("/<session_id>/authentication")
    def answer(session_id: str) -> Answer:
        return _answer(processor, _session(processor, session_id))

    return pages


def _pay(processor: Processor, session: Resource) -> Answer:
    instrument = _chosen()
    if instrument is None:
        return _page(
            session, problem="This is not one of the test cards or accounts listed here.", status=422
        )
    with processor.acting(session.account) as account:
        session = account.find("checkout.session", session.id)
        if session["status"] != "open":
            return _page(session)
        outcome = sessions.pay(account, session, instrument, email=request.form.get("email") or None)
    return _next(session, outcome)


def _answer(processor: Processor, session: Resource) -> Answer:
    with processor.acting(session.account) as account:
        session = account.find("checkout.session", session.id)
        if session["status"] != "open" or session["payment_intent"] is None:
            return _page(session)
        approved = request.form.get("answer") == "approve"
        outcome = sessions.authenticate(account, session, approved=approved)
    return _next(session, outcome)


def _session(processor: Processor, session_id: str) -> Resource:
    processor.agenda.catch_up()
    session = processor.store.find(session_id)
    if session is None or session.kind != "checkout.session":
        abort(404)
    return session


def _chosen() -> Instrument | None:
    """A typed number wins over the list."""
    typed = request.form.get("number", "").strip()
    return numbered(typed) if typed else INSTRUMENTS.get(request.form.get("instrument", ""))


def _next(session: Resource, outcome: Outcome) -> Answer:
    if outcome.state == "paid":
        return redirect(_success_url(session), 303)
    if outcome.state == "authenticate":
        return redirect(url_for("checkout.ask", session_id=session.id), 303)
    return _page(session, problem=outcome.message, status=402)


def _success_url(session: Resource) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session.id)


def _page(session: Resource, *, problem: str = "", status: int = 200) -> Answer:
    if session["status"] == "complete":
        return redirect(_success_url(session), 303)
    if session["status"] == "expired":
        return render_template("expired.html", session=session), 410
    page = render_template(
        "checkout.html",
        session=session,
        items=session.hidden["line_items"],
        cards=CARDS,
        banks=BANKS,
        shown=shown,
        problem=problem,
        chosen=request.form.get("instrument", "success"),
        email=session["customer_email"] or request.form.get("email", ""),
    )
    return page, status
