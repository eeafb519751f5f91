"""The mails that were kept instead of sent: there in demo and development only, a 404 anywhere else."""

from flask import Response, render_template, request

from webapp import wiring
from webapp.core.errors import NotFound
from webapp.web.invoices import as_file
from webapp.web.lists import PAGE, page_of
from webapp.web.public import public

_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@public.get("/mailbox/")
def mailbox() -> str:
    rows, last = page_of(wiring.mail_folder().newest(PAGE + 1, before=request.args.get("after")))
    return render_template("public/mailbox/index.html", rows=rows, after=last.name if last else None)


@public.get("/mailbox/<name>")
def kept_mail(name: str) -> str:
    return render_template("public/mailbox/show.html", name=name, mail=wiring.mail_folder().read(name))


@public.get("/mailbox/<name>/html")
def kept_mail_html(name: str) -> Response:
    """As a mail program shows it: in a sandbox of its own, where nothing runs and nothing is fetched."""
    response = Response(wiring.mail_folder().read(name).html, mimetype="text/html")
    response.headers["Content-Security-Policy"] = _SANDBOX
    return response


@public.get("/mailbox/<name>/attachments/<int:number>")
def kept_mail_attachment(name: str, number: int) -> Response:
    attached = wiring.mail_folder().read(name).attachments
    if number >= len(attached):
        raise NotFound
    return as_file(attached[number].content, attached[number].name)
