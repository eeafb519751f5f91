"""One page that shows what the sandbox holds and has the switches for its behaviour."""

from dataclasses import asdict
from datetime import UTC, datetime

from flask import Blueprint, render_template

from webapp.sandbox.delivery import history
from webapp.sandbox.endpoints import modes_of
from webapp.sandbox.faults import Kind
from webapp.sandbox.money import shown
from webapp.sandbox.processor import Processor
from webapp.sandbox.settings import RefundCourse

MOST = 25


def blueprint(processor: Processor) -> Blueprint:
    pages = Blueprint("dashboard", __name__)

    @pages.get("/")
    def show() -> str:
        processor.agenda.catch_up()
        store = processor.store
        events = store.select("event", limit=MOST)
        names = {row["id"]: row["name"] for row in store.rows("SELECT id, name FROM accounts")}
        return render_template(
            "dashboard.html",
            shown=shown,
            moment=_moment,
            names=names,
            settings=asdict(processor.settings),
            courses=list(RefundCourse),
            kinds=list(Kind),
            faults=processor.faults.shown(),
            ahead=processor.clock.ahead,
            now=int(processor.clock.now()),
            sessions=store.select("checkout.session", limit=MOST),
            charges=store.select("charge", limit=MOST),
            refunds=store.select("refund", limit=MOST),
            disputes=store.select("dispute", limit=MOST),
            endpoints=[
                (endpoint, asdict(modes_of(endpoint))) for endpoint in store.select("webhook_endpoint")
            ],
            events=[(event, history(store, event.id)) for event in events],
        )

    return pages


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%d %b %Y %H:%M:%S")
