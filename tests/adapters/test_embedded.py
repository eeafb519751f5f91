import json
import multiprocessing
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event as EventType
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from webapp.adapters.embedded import Addresses, EmbeddedServerError, EmbeddedServers

ROOT = Path(__file__).parents[2]


@pytest.fixture
def new_folder(tmp_path: Path) -> Iterator[Path]:
    """A data folder that is still to be made, and whose servers are stopped, whatever became of them."""
    folder = tmp_path / "data"
    yield folder
    if folder.exists():
        with EmbeddedServers(folder, durable=False):
            pass


@pytest.fixture(scope="module")
def used_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("used") / "data"
    with EmbeddedServers(folder, durable=False):
        return folder


@pytest.fixture
def folder(new_folder: Path, used_folder: Path) -> Path:
    """One whose servers were started and stopped before: to make it takes longer than to copy it."""
    subprocess.run(["cp", "-a", used_folder, new_folder], check=True)
    return new_folder


def servers(folder: Path) -> EmbeddedServers:
    return EmbeddedServers(folder, durable=False)


def answers(addresses: Addresses) -> bool:
    try:
        with psycopg.connect(addresses.database_url, connect_timeout=2):
            pass
        with redis.Redis.from_url(addresses.redis_url) as client:
            return bool(client.ping())
    except (psycopg.OperationalError, redis.RedisError):
        return False


def postmaster(folder: Path) -> psutil.Process:
    return psutil.Process(int((folder / "postgres" / "postmaster.pid").read_text().split()[0]))


def start_elsewhere(folder: Path, then: str = "input()") -> "subprocess.Popen[str]":
    """Another process that uses the servers until it is told to go, or is killed."""
    program = (
        "import sys; from pathlib import Path; from webapp.adapters.embedded import EmbeddedServers\n"
        "servers = EmbeddedServers(Path(sys.argv[1]), durable=False); print(servers.start().database_url)\n"
        f"sys.stdout.flush(); {then}; servers.stop()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout
    assert process.stdout.readline().startswith("postgresql://")
    return process


def leave(process: "subprocess.Popen[str]") -> None:
    process.communicate("\n", timeout=60)


def test_both_servers_answer_on_this_machine_alone(new_folder: Path) -> None:
    with servers(new_folder) as addresses:
        assert answers(addresses)
        assert {c.laddr.ip for c in postmaster(new_folder).net_connections() if c.status == "LISTEN"} == {
            "127.0.0.1"
        }
    assert not answers(addresses)


def test_the_application_role_owns_nothing_and_can_bypass_nothing(folder: Path) -> None:
    with servers(folder) as addresses, psycopg.connect(addresses.database_url) as connection:
        roles = connection.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, d.datname"
            " FROM pg_roles LEFT JOIN pg_database d ON d.datdba = pg_roles.oid"
            " WHERE rolname LIKE 'duesbook%' ORDER BY rolname"
        ).fetchall()
    assert roles == [
        ("duesbook_app", False, False, False, False, None),
        ("duesbook_owner", False, False, False, False, "duesbook"),
    ]


def test_the_database_compares_text_the_same_on_every_machine_and_checks_its_pages(folder: Path) -> None:
    with servers(folder) as addresses, psycopg.connect(addresses.database_owner_url) as connection:
        assert connection.execute(
            "SELECT datlocprovider, datlocale, pg_encoding_to_char(encoding),"
            " current_setting('data_checksums'),"
            " (SELECT count(*) FROM pg_extension WHERE extname = 'btree_gist')"
            " FROM pg_database WHERE datname = 'duesbook'"
        ).fetchone() == ("b", "C.UTF-8", "UTF8", "on", 1)


def test_nobody_gets_in_without_the_password(folder: Path) -> None:
    with servers(folder) as addresses:
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(addresses.database_url.replace("duesbook_app:", "duesbook_app:not-"))
        without_password = f"redis://{addresses.redis_url.rpartition('@')[2]}"
        with redis.Redis.from_url(without_password) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()


def test_passwords_are_kept_where_only_their_owner_can_read_them(folder: Path) -> None:
    with servers(folder):
        pass
    for name in "servers.json", "redis.conf":
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert not list(folder.glob("*password*"))


def test_rows_and_keys_are_still_there_after_a_restart_and_so_are_the_addresses(folder: Path) -> None:
    with servers(folder) as first:
        with psycopg.connect(first.database_owner_url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        with redis.Redis.from_url(first.redis_url) as client:
            client.set("kept", "1")
    with servers(folder) as second:
        assert second == first
        with psycopg.connect(second.database_owner_url) as connection:
            assert connection.execute("SELECT one FROM kept").fetchall() == [(1,)]
        with redis.Redis.from_url(second.redis_url) as client:
            assert client.get("kept") == b"1"


def test_a_second_user_takes_over_what_runs_and_leaves_it_running(folder: Path) -> None:
    with servers(folder) as addresses:
        leave(start_elsewhere(folder))
        assert answers(addresses)


def test_the_last_one_out_stops_the_servers_whoever_started_them(folder: Path) -> None:
    first = servers(folder)
    addresses = first.start()
    other = start_elsewhere(folder)
    first.stop()
    assert answers(addresses)
    leave(other)
    assert not answers(addresses)


def test_a_forked_child_that_ends_leaves_the_servers_to_its_parent(folder: Path) -> None:
    parent = servers(folder)
    addresses = parent.start()
    fork = multiprocessing.get_context("fork")
    child = fork.Process(target=parent.stop)
    child.start()
    child.join()
    assert answers(addresses)
    leave(start_elsewhere(folder))
    assert answers(addresses)
    parent.stop()
    assert not answers(addresses)


def test_servers_of_a_killed_process_are_taken_over_and_stopped_in_the_end(folder: Path) -> None:
    killed = start_elsewhere(folder)
    pid = postmaster(folder).pid
    killed.kill()
    killed.wait()
    with servers(folder) as addresses:
        assert postmaster(folder).pid == pid
    assert not answers(addresses)


def start_and_tell(folder: Path, told: "multiprocessing.Queue[Addresses]", leaving: EventType) -> None:
    with servers(folder) as addresses:
        told.put(addresses)
        leaving.wait(60)


def test_simultaneous_first_starts_end_up_with_the_same_servers(new_folder: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    told, leaving = spawn.Queue(), spawn.Event()
    starters = [spawn.Process(target=start_and_tell, args=(new_folder, told, leaving)) for _ in range(3)]
    for starter in starters:
        starter.start()
    addresses = {told.get(timeout=60) for _ in starters}
    assert len(addresses) == 1
    assert answers(next(iter(addresses)))
    leaving.set()
    for starter in starters:
        starter.join()


def test_killed_servers_come_back_at_the_same_address_with_what_was_committed(folder: Path) -> None:
    with servers(folder) as addresses:
        with psycopg.connect(addresses.database_owner_url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        with redis.Redis.from_url(addresses.redis_url) as client:
            redis_pid = int(client.info("server")["process_id"])
        os.kill(postmaster(folder).pid, signal.SIGKILL)
        os.kill(redis_pid, signal.SIGKILL)
        with servers(folder) as again, psycopg.connect(again.database_owner_url) as connection:
            assert again == addresses
            assert connection.execute("SELECT one FROM kept").fetchall() == [(1,)]


def test_a_pid_file_that_names_somebody_else_does_not_stop_the_start(folder: Path) -> None:
    with servers(folder):
        pid_file = folder / "postgres" / "postmaster.pid"
        kept = pid_file.read_text()
    pid_file.write_text(kept.replace(kept.split()[0], str(os.getpid()), 1))
    with servers(folder) as addresses:
        assert answers(addresses)


def test_a_first_start_that_was_interrupted_is_repeated(new_folder: Path) -> None:
    unfinished = new_folder / "postgres.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "half").touch()
    with servers(new_folder) as addresses:
        assert answers(addresses)


def test_a_port_that_was_taken_meanwhile_is_replaced_by_another(folder: Path) -> None:
    with servers(folder):
        pass
    port = json.loads((folder / "servers.json").read_text())["postgres_port"]
    with socket.create_server(("127.0.0.1", port)), servers(folder) as addresses:
        assert f":{port}/" not in addresses.database_url
        assert answers(addresses)


def test_data_of_another_postgresql_is_refused_with_a_sentence(folder: Path) -> None:
    with servers(folder):
        pass
    version = folder / "postgres" / "PG_VERSION"
    written = version.read_text()
    version.write_text("14\n")
    with pytest.raises(EmbeddedServerError, match=r"written by PostgreSQL 14, and 1\d\.\d+ is installed"):
        servers(folder).start()
    version.write_text(written)


def test_a_setting_that_postgresql_refuses_is_shown_with_its_log(new_folder: Path) -> None:
    with pytest.raises(EmbeddedServerError) as refused:
        EmbeddedServers(new_folder, durable=False, postgres_settings={"work_mem": "much"}).start()
    assert refused.value.sentence == "PostgreSQL did not start."
    assert any("work_mem" in line for line in refused.value.log_lines)


def test_a_data_folder_that_cannot_be_made_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedServerError, match="cannot be used: Not a directory"):
        servers(tmp_path / "file" / "data").start()


def test_starting_again_takes_less_than_a_second_or_two(folder: Path) -> None:
    with servers(folder):
        pass
    started = time.monotonic()
    with servers(folder):
        assert time.monotonic() - started < 5
