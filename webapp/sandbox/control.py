"""The control API, for tests and whoever gives a demo. JSON in and out; a form gets the dashboard back."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import Blueprint, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response

from webapp.sandbox import charges, disputes, endpoints, happenings, past, refunds
from webapp.sandbox.account import Account
from webapp.sandbox.delivery import history, wait_until_idle
from webapp.sandbox.errors import InvalidRequest, NotFound
from webapp.sandbox.instruments import INSTRUMENTS
from webapp.sandbox.processor import Processor
from webapp.sandbox.signing import signature
from webapp.sandbox.specification import Json
from webapp.sandbox.store import Resource


def blueprint(processor: Processor) -> Blueprint:
    control = Blueprint("control", __name__, url_prefix="/sandbox")
    _add_behaviour(control, processor)
    _add_faults(control, processor)
    _add_money(control, processor)
    _add_post(control, processor)
    return control


def _add_behaviour(control: Blueprint, processor: Processor) -> None:
    @control.get("/state")
    def state() -> Response:
        return jsonify(
            settings=asdict(processor.settings),
            faults=processor.faults.shown(),
            ahead=processor.clock.ahead,
            now=int(processor.clock.now()),
            outstanding=processor.deliveries.outstanding,
        )

    @control.post("/reset")
    def reset() -> Response:
        processor.reset()
        return _done({})

    @control.post("/settings")
    def settings() -> Response:
        return _done(asdict(processor.change_settings(_values())))

    @control.post("/clock")
    def clock() -> Response:
        processor.advance(_number("seconds"))
        return _done({"now": int(processor.clock.now())})

    @control.post("/accounts")
    def accounts() -> Response:
        account_id = processor.account_of(_value("key"))
        processor.store.run("UPDATE accounts SET name = ? WHERE id = ?", (_value("name"), account_id))
        return _done({"id": account_id, "name": _value("name")})


def _add_faults(control: Blueprint, processor: Processor) -> None:
    @control.post("/faults")
    def faults() -> Response:
        return _done(asdict(processor.faults.order(_values())))

    @control.delete("/faults")
    def no_faults() -> Response:
        processor.faults.clear()
        return _done({})

    @control.get("/requests")
    def requests() -> Response:
        return jsonify(data=_requests_received(processor))


def _add_money(control: Blueprint, processor: Processor) -> None:
    actions: dict[str, Callable[[Account, Resource], object]] = {
        "payment_intent/settlement": lambda account, intent: happenings.settle_debit(account, intent.id),
        "payment_intent/failure": lambda account, intent: happenings.fail_debit(account, intent.id),
        "refund/settlement": refunds.settle,
        "refund/failure": refunds.fail,
        "charge/fee": charges.bring_fee,
        "charge/dispute": _dispute,
        "charge/return": lambda account, charge: disputes.return_debit(
            account, charge, reason=_values().get("reason", "insufficient_funds")
        ),
        "charge/failure": happenings.take_debit_back,
        "dispute/escalation": disputes.escalate,
        "dispute/appeal": disputes.appeal,
        "dispute/win": lambda account, dispute: disputes.win(
            account, dispute, fee_returned=_is_set("fee_returned")
        ),
        "dispute/loss": disputes.lose,
        "checkout.session/expiry": lambda account, session: happenings.expire_session(account, session.id),
        "payment_method/instrument": _reissue,
    }

    @control.post("/objects/<object_id>/<action>")
    def act(object_id: str, action: str) -> Response:
        subject = _found(processor, object_id)
        carry_out = actions.get(f"{subject.kind}/{action}")
        if carry_out is None:
            raise InvalidRequest(f"A {subject.kind} has no {action} here.", status=404)
        with processor.acting(subject.account) as account:
            outcome = carry_out(account, account.find(subject.kind, object_id))
        return _done(outcome if isinstance(outcome, Resource) else _found(processor, object_id))

    @control.post("/payments")
    def payments() -> Response:
        with processor.acting(processor.account_of(_value("key"))) as account:
            return _done({"data": past.remember(account, _value("payments"))})

    @control.get("/objects/<kind>")
    def objects(kind: str) -> Response:
        return jsonify(data=processor.store.select(kind))


def _add_post(control: Blueprint, processor: Processor) -> None:
    @control.post("/endpoints")
    def register() -> Response:
        with processor.acting(processor.account_of(_value("key"))) as account:
            return _done(endpoints.create(account, {"enabled_events": ["*"]} | _values()))

    @control.post("/endpoints/<endpoint_id>/modes")
    def modes(endpoint_id: str) -> Response:
        endpoint = _found(processor, endpoint_id)
        with processor.acting(endpoint.account) as account:
            return _done(asdict(endpoints.set_modes(account, endpoint, _values())))

    @control.post("/endpoints/<endpoint_id>/release")
    def release(endpoint_id: str) -> Response:
        order = _values().get("order", "oldest")
        outcomes = processor.deliveries.release(_found(processor, endpoint_id), order)
        return _done({"data": [asdict(outcome) for outcome in outcomes]})

    @control.post("/events/<event_id>/deliveries")
    def deliver_again(event_id: str) -> Response:
        event, wanted = _found(processor, event_id), _values().get("endpoint")
        receivers = [_found(processor, wanted)] if wanted else _subscribed(processor, event)
        copies = int(_values().get("copies", 1))
        outcomes = [outcome for to in receivers for outcome in processor.deliveries.again(event, to, copies)]
        return _done({"data": [asdict(outcome) for outcome in outcomes]})

    @control.get("/events/<event_id>/deliveries")
    def deliveries(event_id: str) -> Response:
        return jsonify(data=history(processor.store, event_id))

    @control.get("/idle")
    def idle() -> Response:
        return jsonify(idle=wait_until_idle(processor.deliveries, float(request.args.get("seconds", 5))))

    @control.post("/signatures")
    def sign() -> Response:
        values = _values()
        secret = values.get("secret") or _found(processor, _value("endpoint")).hidden["secret"]
        return _done({"header": signature(_value("payload"), secret, values.get("timestamp"))})


def _requests_received(processor: Processor) -> list[Json]:
    beginning = request.args.get("path", "/v1/") + "%"
    rows = processor.store.rows("SELECT * FROM requests WHERE path LIKE ? ORDER BY seq", (beginning,))
    wanted = request.args.get("method")
    return [dict(row) for row in rows if wanted in (None, row["method"])]


def _dispute(account: Account, charge: Resource) -> Resource:
    values = _values()
    return disputes.open_dispute(
        account,
        charge,
        reason=values.get("reason", "fraudulent"),
        amount=values.get("amount"),
        inquiry=_is_set("inquiry"),
    )


def _reissue(account: Account, method: Resource) -> Resource:
    """From now on this saved method behaves like another instrument; its looks stay."""
    instrument = INSTRUMENTS.get(_value("instrument"))
    if instrument is None or instrument.method != method["type"]:
        raise InvalidRequest(f"There is no {method['type']} called {_value('instrument')}.")
    method.hidden["instrument"] = instrument.name
    account.save(method)
    return method


def _subscribed(processor: Processor, event: Resource) -> list[Resource]:
    known = processor.store.select("webhook_endpoint", account=event.account)
    return [endpoint for endpoint in known if endpoints.wants(endpoint, event["type"])]


def _found(processor: Processor, object_id: str) -> Resource:
    found = processor.store.find(object_id)
    if found is None:
        raise NotFound("object", object_id)
    return found


def _values() -> dict[str, Any]:
    if request.is_json:
        return dict(request.get_json())
    return request.form.to_dict()


def _value(name: str) -> Any:
    values = _values()
    if name not in values:
        raise InvalidRequest(f"This needs a value for '{name}'.", param=name)
    return values[name]


def _is_set(name: str) -> bool:
    return _values().get(name) in (True, "true", "on")


def _number(name: str) -> int:
    try:
        return int(_value(name))
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"'{name}' has to be a whole number.", param=name) from error


def _done(answer: Json) -> Response:
    """A form of the dashboard leads back to it."""
    if request.mimetype == "application/x-www-form-urlencoded":
        return redirect(url_for("dashboard.show"), 303)
    return jsonify(answer)
