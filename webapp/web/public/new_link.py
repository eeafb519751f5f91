"""A pay link that does not work any more, and how to get the one that does: the same answer for everybody."""

from flask import render_template, request
from werkzeug.wrappers import Response

from webapp import wiring
from webapp.core.db import transaction
from webapp.domain.billing import pay_link
from webapp.web import limits
from webapp.web.errors import problem
from webapp.web.forms import Form
from webapp.web.htmx import is_swap
from webapp.web.public import visitors
from webapp.web.public.pay import LinkIsOld
from webapp.web.request_keys import acts_once


@visitors.errorhandler(LinkIsOld)
def link_is_old(refusal: LinkIsOld) -> Response | tuple[str, int]:
    if is_swap():
        return problem(refusal.status, refusal.message, next_step=refusal.next_step)
    token = (request.view_args or {})["token"]
    return _page(token, refusal, asked=False), refusal.status


@visitors.post("/pay/<token>/new-links")
@acts_once
def create_new_link(token: str) -> str:
    limits.count_mail(token)
    with transaction():
        pay_link.mail_newest(token, wiring.settings().secret_key)
    return _page(token, LinkIsOld(), asked=True)


def _page(token: str, refusal: LinkIsOld, *, asked: bool) -> str:
    return render_template(
        "public/pay/old_link.html", form=Form(formdata=None), token=token, refusal=refusal, asked=asked
    )
