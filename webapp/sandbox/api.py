"""Stripe's API over HTTP: whose request, does it fit, was it asked before, and the answer."""

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from flask import Blueprint, Response, request

from webapp.sandbox import specification
from webapp.sandbox.account import Account, Cause
from webapp.sandbox.authentication import authenticated
from webapp.sandbox.errors import Declined, InvalidRequest, Malformed, StripeError
from webapp.sandbox.expansion import expanded
from webapp.sandbox.faults import Fault, Kind
from webapp.sandbox.files import described
from webapp.sandbox.idempotency import Answer, Attempt
from webapp.sandbox.identifiers import new_id
from webapp.sandbox.operations import OPERATIONS, Operation
from webapp.sandbox.processor import Processor
from webapp.sandbox.specification import API_VERSION, Json


@dataclass
class Call:
    """One request to the API."""

    method: str
    template: str
    places: dict[str, str]
    body: list[tuple[str, str]]
    query: list[tuple[str, str]]
    path: str
    key: str | None
    account: str | None = None
    request_id: str = field(default_factory=lambda: new_id("request"))

    @classmethod
    def of_request(cls, template: str, places: dict[str, str]) -> "Call":
        return cls(
            method=request.method,
            template=template,
            places=places,
            path=request.path,
            body=_sent(),
            query=parse_qsl(request.query_string.decode(), keep_blank_values=True),
            key=request.headers.get("Idempotency-Key") if request.method == "POST" else None,
        )

    @property
    def parameters(self) -> Json:
        return specification.check(self.method.lower(), self.template, body=self.body, query=self.query)

    def attempt(self) -> Attempt | None:
        if self.key is None or self.account is None:
            return None
        fingerprint = hashlib.sha256(json.dumps(sorted(self.body)).encode()).hexdigest()
        return Attempt(self.account, self.key, f"{self.method} {self.path}", fingerprint)


def _sent() -> list[tuple[str, str]]:
    """The form's fields. A file stands for itself by its name, its size and what is in it."""
    if request.mimetype != "multipart/form-data":
        return parse_qsl(request.get_data(as_text=True), keep_blank_values=True)
    files = [(name, described(file.filename or "", file.read())) for name, file in request.files.items()]
    return [*request.form.items(multi=True), *files]


def blueprint(processor: Processor) -> Blueprint:
    api = Blueprint("api", __name__)

    def register(method: str, template: str, operation: Operation | None) -> None:
        def view(**places: str) -> Response:
            return _answer(processor, Call.of_request(template, places), operation)

        rule = re.sub(r"\{(\w+)\}", r"<\1>", template)
        api.add_url_rule(rule, f"{method} {template}", view, methods=[method.upper()])

    for method, template in {*OPERATIONS, *specification.operations()}:
        register(method, template, OPERATIONS.get((method, template)))

    @api.route("/v1/<path:unknown>", methods=["GET", "POST", "DELETE", "PUT", "PATCH"])
    def unrecognized(unknown: str) -> Response:
        return _answer(processor, Call.of_request("", {}), None)

    return api


def _answer(processor: Processor, call: Call, operation: Operation | None) -> Response:
    processor.agenda.catch_up()
    fault = processor.faults.take(call.method, call.path)
    number = _log(processor, call, fault)
    answer = None if fault and not fault.lets_through else _outcome(processor, call, operation, fault)
    processor.store.run(
        "UPDATE requests SET account = ?, status = ?, replayed = ? WHERE seq = ?",
        (call.account, answer.status if answer else None, bool(answer and answer.replayed), number),
    )
    if fault and fault.kind is Kind.SLOW and fault.carried_out:
        time.sleep(fault.seconds)
    if answer is None or (fault and fault.kind is not Kind.SLOW):
        return _spoilt(call, fault)
    return _response(call, answer)


def _outcome(processor: Processor, call: Call, operation: Operation | None, fault: Fault | None) -> Answer:
    try:
        return _carried_out(processor, call, operation, fault)
    except StripeError as error:
        return Answer(error.status, error.body, call.request_id)


def _log(processor: Processor, call: Call, fault: Fault | None) -> int:
    return processor.store.run(
        "INSERT INTO requests (request_id, method, path, params, idempotency_key, created, fault) VALUES "
        "(?, ?, ?, ?, ?, ?, ?)",
        (
            call.request_id,
            call.method,
            call.path,
            json.dumps(call.query + call.body),
            call.key,
            int(processor.clock.now()),
            fault.kind if fault else None,
        ),
    )


def _carried_out(
    processor: Processor, call: Call, operation: Operation | None, fault: Fault | None
) -> Answer:
    call.account = authenticated(processor)
    if operation is None:
        raise _not_here(call)
    parameters = call.parameters | call.places
    paths = parameters.pop("expand", [])
    attempt = call.attempt()
    with processor.answers.reserved(attempt) as saved:
        if saved is not None:
            return saved
        if fault and fault.kind is Kind.SLOW and not fault.carried_out:
            time.sleep(fault.seconds)
        return _effect(processor, call, attempt, lambda one: expanded(one, operation(one, parameters), paths))


def _effect(
    processor: Processor, call: Call, attempt: Attempt | None, act: Callable[[Account], Json]
) -> Answer:
    """Does it and keeps the answer in the same transaction, so that neither exists without the other."""
    assert call.account is not None
    try:
        with processor.acting(call.account, Cause(call.request_id, call.key)) as account:
            try:
                answer = Answer(200, act(account), call.request_id)
            except Declined as decline:
                answer = Answer(decline.status, decline.body, call.request_id)
            processor.answers.save(attempt, answer)
            return answer
    except Malformed:
        raise
    except StripeError as error:
        answer = Answer(error.status, error.body, call.request_id)
        processor.answers.save(attempt, answer)
        return answer


def _not_here(call: Call) -> InvalidRequest:
    if call.template:
        return InvalidRequest(f"The sandbox does not answer {call.method} {call.template}.", status=501)
    return InvalidRequest(
        f"Unrecognized request URL ({call.method}: {call.path}). Please see https://stripe.com/docs or we "
        "can help at https://support.stripe.com/.",
        status=404,
    )


def _spoilt(call: Call, fault: Fault | None) -> Response:
    """What the caller gets instead of the answer."""
    if fault and fault.kind is Kind.RATE_LIMIT:
        error = StripeError(
            "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
            status=429,
            code="rate_limit",
        )
    elif fault and fault.kind is Kind.REFUSAL:
        error = InvalidRequest("Your account cannot currently make live charges.")
    elif fault and fault.kind is Kind.MALFORMED:
        return Response('{"id": "cs_test_', 200, content_type="application/json")
    else:
        error = StripeError("An unknown error occurred", status=500, type="api_error")
    return _response(call, Answer(error.status, error.body, call.request_id))


def _response(call: Call, answer: Answer) -> Response:
    response = Response(json.dumps(answer.body, indent=2), answer.status, content_type="application/json")
    response.headers.update({"Request-Id": call.request_id, "Stripe-Version": API_VERSION})
    if call.key:
        response.headers["Idempotency-Key"] = call.key
    if answer.replayed:
        response.headers.update({"Idempotent-Replayed": "true", "Original-Request": answer.request_id})
    return response
