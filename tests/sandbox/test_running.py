"""Starting, stopping, remembering, and the dashboard."""

import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import stripe

from tests.sandbox.conftest import client_with, open_session, paid_charge
from tests.sandbox.control import SandboxControl
from tests.sandbox.postbox import Postbox
from webapp.sandbox.server import start_sandbox


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    first = start_sandbox(state=tmp_path / "state.sqlite3")
    session = open_session(client_with(SandboxControl(first.url), "sk_test_kept"))
    SandboxControl(first.url).settings(ach_delay=None, fee_delay=7)
    first.stop()
    second = start_sandbox(state=tmp_path / "state.sqlite3")
    control = SandboxControl(second.url)
    try:
        assert control.state()["settings"]["fee_delay"] == 7
        assert control.pay(f"/checkout/{session.id}").status == 303
        client = client_with(control, "sk_test_kept")
        assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    finally:
        second.stop()


def test_the_program_starts_says_where_and_stops_when_told() -> None:
    command = [sys.executable, "-m", "webapp.sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        url = program.stdout.readline().split()[-1]
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            assert answer.status == 200
        program.terminate()
        assert program.wait(5) == 0


def test_a_port_in_use_is_one_clear_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "webapp.sandbox", "--port", port]
        program = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert program.returncode == 1
    assert program.stderr.strip().splitlines() == [
        f"Port {port} is in use or not allowed. Choose another one with --port."
    ]


def test_the_dashboard_shows_everything_and_its_forms_work_without_scripts(
    client: stripe.StripeClient, control: SandboxControl, postbox: Postbox
) -> None:
    control.register_endpoint("sk_test_chapters", postbox.url)
    charge = paid_charge(client, control)
    client.v1.refunds.create({"charge": charge.id, "amount": 100})
    waiting = paid_charge(client, control, instrument="bank_waits")
    control.act(paid_charge(client, control).id, "dispute")
    control.wait_for_webhooks()
    page = control.browse("/")
    for words in (
        charge.id,
        "checkout.session.completed",
        postbox.url,
        "delivered · 200",
        "needs_response",
        "$50.00",
    ):
        assert words in page.text
    assert "<script" not in page.text
    settled = control.browse(f"/sandbox/objects/{waiting.payment_intent}/settlement", {"go": "1"})
    assert (settled.status, settled.location) == (303, "/")
    assert client.v1.charges.retrieve(waiting.id).status == "succeeded"


def test_a_switch_of_the_dashboard_changes_the_settings(control: SandboxControl) -> None:
    control.settings(ach_delay=5)
    switches = {
        "ach_delay": "",
        "fee_delay": "0",
        "refund_delay": "5",
        "refund_course": "pending_then_failed",
    }
    assert control.browse("/sandbox/settings", switches).status == 303
    settings = control.state()["settings"]
    assert (settings["ach_delay"], settings["refund_course"]) == (None, "pending_then_failed")
