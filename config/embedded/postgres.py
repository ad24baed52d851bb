"""The embedded PostgreSQL: one cluster, loopback only, passwords by SCRAM."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from config.embedded.errors import EmbeddedError
from config.embedded.placement import Placement
from config.embedded.processes import is_ours, pid_in, size_of, tail, wait_until
from config.embedded.state import State, changed, free_port, port_is_free

ADMIN = "postgres"
ROLE = "switchboard"
DATABASE = "switchboard"
KEYS_DATABASE = "switchboard_keys"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "128MB",
    # Dropping or migrating many companies' schemas in one transaction locks each of their tables.
    "max_locks_per_transaction": "256",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%d ",
    # Statements and the DETAIL of a broken constraint hold what people wrote.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_ACCESS = """\
# type  database  user  address       method
host    all       all   127.0.0.1/32  scram-sha-256
"""


def start(folder: Path, where: Placement, state: State, *, options: Mapping[str, str]) -> State:
    """Start the server unless it runs, and make roles and databases that are missing."""
    state = changed(folder, state, home=str(where.home))
    if not alive(where):
        _make_cluster(where, state, sync=options.get("fsync") != "off")
        state = _launch(folder, where, state, options)
    if not wait_until(lambda: _answers(where, state.postgres_port), seconds=60):
        raise EmbeddedError(f"The embedded PostgreSQL does not answer:\n{tail(_log(where))}")
    _make_databases(where, state)
    return state


def stop(where: Placement) -> None:
    if not alive(where):
        return
    for mode in ("fast", "immediate"):
        _pg_ctl(where, "stop", "-m", mode, "-t", "30")
        if not alive(where):
            return
    raise EmbeddedError(f"The embedded PostgreSQL does not stop:\n{tail(_log(where))}")


def alive(where: Placement) -> bool:
    """Whether this cluster's server process exists."""
    return is_ours(pid_in(_pid_file(where)), _cluster(where))


def _make_cluster(where: Placement, state: State, *, sync: bool) -> None:
    cluster = _cluster(where)
    if cluster.exists():
        return
    where.make_folder(where.postgres)
    # Made beside and renamed, so that a run cut short never looks like a cluster.
    part = where.postgres / "cluster.part"
    shutil.rmtree(part, ignore_errors=True)
    password = where.postgres / "password.part"
    where.write(password, state.admin_password)
    result = where.run(
        [
            where.postgres_bin / "initdb",
            f"--pgdata={part}",
            f"--username={ADMIN}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            *([] if sync else ["--no-sync"]),
        ]
    )
    password.unlink()
    if result.returncode != 0:
        raise EmbeddedError(f"The embedded PostgreSQL could not be set up:\n{result.stdout}")
    part.rename(cluster)


def _launch(folder: Path, where: Placement, state: State, options: Mapping[str, str]) -> State:
    # Only a crash leaves this file behind, and PostgreSQL takes whatever process now has the
    # number in it for another server.
    _pid_file(where).unlink(missing_ok=True)
    where.write(_cluster(where) / "pg_hba.conf", _ACCESS)
    for _ in range(5):
        if not port_is_free(state.postgres_port):
            state = changed(folder, state, postgres_port=free_port())
        settings = {**_SETTINGS, "port": str(state.postgres_port), **options}
        lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
        where.write(_cluster(where) / "postgresql.conf", "".join(lines))
        log_before = size_of(_log(where))
        if _pg_ctl(where, "start", "-l", str(_log(where)), "-t", "60") == 0:
            return state
        # Either the port went to another program just now, or children of a killed server still
        # hold its shared memory for a moment.
        time.sleep(0.5)
    cause = tail(_log(where), since=log_before)
    raise EmbeddedError(f"The embedded PostgreSQL does not start:\n{cause}")


def _make_databases(where: Placement, state: State) -> None:
    # Here, not above: reading an address must not load the driver.
    import psycopg
    from psycopg import sql

    try:
        connection = psycopg.connect(
            host="127.0.0.1",
            port=state.postgres_port,
            dbname="postgres",
            user=ADMIN,
            password=state.admin_password,
            connect_timeout=10,
            autocommit=True,
        )
    except psycopg.OperationalError as error:
        raise EmbeddedError(
            f"The embedded PostgreSQL in {where.postgres} refuses its password: the data was made "
            "with another embedded.json. Put that file back, or delete the data folder to begin "
            f"anew. ({error})"
        ) from None
    with connection:
        # Not a superuser, so that what would fail on a real server fails here too; it may make
        # databases for the sake of the tests.
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE]).rowcount:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(
                    sql.Identifier(ROLE), sql.Literal(state.password)
                )
            )
        for name in (DATABASE, KEYS_DATABASE):
            known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [name])
            if not known.rowcount:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(
                        sql.Identifier(name), sql.Identifier(ROLE)
                    )
                )


def _pg_ctl(where: Placement, action: str, *arguments: str) -> int:
    program = where.postgres_bin / "pg_ctl"
    return where.run([program, action, "-D", _cluster(where), "-w", "-s", *arguments]).returncode


def _answers(where: Placement, port: int) -> bool:
    program = where.postgres_bin / "pg_isready"
    return where.run([program, "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode == 0


def _cluster(where: Placement) -> Path:
    return where.postgres / "cluster"


def _log(where: Placement) -> Path:
    return where.postgres / "server.log"


def _pid_file(where: Placement) -> Path:
    return _cluster(where) / "postmaster.pid"
