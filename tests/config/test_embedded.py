"""The embedded servers, started for real on a data folder of their own."""

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from config import embedded
from config.embedded.processes import wait_until
from config.embedded.state import load_state

PROJECT = Path(__file__).resolve().parents[2]
FAST = {"fsync": "off"}


def permissions_up_from(folder: Path) -> dict[Path, int]:
    return {path: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.parents]}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[Path, int]]]:
    parent = tmp_path_factory.mktemp("home")
    parent.chmod(0o700)
    before = permissions_up_from(parent)
    folder = parent / "data"
    embedded.start(folder, postgres_options=FAST)
    yield folder, before
    embedded.remove(folder)


@pytest.fixture
def folder(started: tuple[Path, dict[Path, int]]) -> Path:
    """The shared data folder with both servers running, whatever the test before did."""
    embedded.start(started[0], postgres_options=FAST)
    return started[0]


def home_of(folder: Path) -> Path:
    state = load_state(folder)
    assert state is not None
    assert state.home is not None
    return Path(state.home)


def pids_of(folder: Path) -> tuple[int, int]:
    home = home_of(folder)
    postmaster = (home / "postgres" / "cluster" / "postmaster.pid").read_text(encoding="utf-8")
    valkey = (home / "valkey" / "server.pid").read_text(encoding="utf-8")
    return int(postmaster.splitlines()[0]), int(valkey)


def remember(folder: Path, word: str) -> None:
    with psycopg.connect(embedded.urls(folder).database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS remembered (word text)")
        connection.execute("INSERT INTO remembered VALUES (%s)", [word])


def remembers(folder: Path, word: str) -> bool:
    with psycopg.connect(embedded.urls(folder).database_url) as connection:
        found = connection.execute("SELECT FROM remembered WHERE word = %s", [word])
        return found.rowcount == 1


def test_both_databases_and_the_key_value_store_answer(folder: Path) -> None:
    services = embedded.urls(folder)
    with psycopg.connect(services.database_url) as connection:
        row = connection.execute(
            "SELECT current_database(), current_setting('is_superuser'), "
            "current_setting('server_encoding'), current_setting('synchronous_commit')"
        ).fetchone()
    assert row == ("switchboard", "off", "UTF8", "on")
    with psycopg.connect(services.keys_database_url) as connection:
        assert connection.info.dbname == "switchboard_keys"
    store = redis.Redis.from_url(services.redis_url)
    assert store.ping() is True
    assert store.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert store.config_get("save") == {"save": ""}
    store.close()


def test_a_wrong_or_missing_password_is_refused(folder: Path) -> None:
    services = embedded.urls(folder)
    password = services.database_url.split(":")[2].split("@")[0]
    for wrong in ("wrong", ""):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(services.database_url.replace(password, wrong))
    address = services.redis_url.split("@")[1]
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(f"redis://:wrong@{address}").ping()
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(f"redis://{address}").ping()


def test_only_loopback_is_listened_on(folder: Path) -> None:
    lines = (home_of(folder) / "postgres" / "cluster" / "postmaster.pid").read_text().splitlines()
    # PostgreSQL's src/include/utils/pidfile.h: line 5 the socket folder, line 6 the address.
    assert lines[4:6] == ["", "127.0.0.1"]
    store = redis.Redis.from_url(embedded.urls(folder).redis_url)
    assert store.config_get("bind") == {"bind": "127.0.0.1"}
    store.close()


def test_passwords_and_secrets_are_for_the_owner_only(folder: Path) -> None:
    embedded.secrets(folder)
    for name in ("embedded.json", "secrets.json"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    home = home_of(folder)
    for name in ("postgres", "valkey"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "valkey" / "valkey.conf").stat().st_mode) == 0o600


def test_passwords_stand_in_no_command_line(folder: Path) -> None:
    state = load_state(folder)
    assert state is not None
    for pid in pids_of(folder):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        for password in (state.admin_password, state.password, state.valkey_password):
            assert password.encode() not in command


def test_secrets_are_made_once(folder: Path) -> None:
    first = embedded.secrets(folder)
    assert embedded.secrets(folder) == first
    assert len(first.secret_key) >= 50
    assert [len(key) for key in first.field_encryption_keys] == [44]


def test_a_second_start_leaves_the_servers_alone(folder: Path) -> None:
    before = pids_of(folder)
    services = embedded.urls(folder)
    assert embedded.start(folder) == services
    assert pids_of(folder) == before


def test_data_outlives_a_stop_and_a_start(folder: Path) -> None:
    remember(folder, "stopped")
    embedded.stop(folder)
    assert embedded.running(folder) is False
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(embedded.urls(folder).database_url)
    embedded.stop(folder)
    embedded.start(folder, postgres_options=FAST)
    assert embedded.running(folder) is True
    assert remembers(folder, "stopped")


def test_the_next_start_recovers_from_kill_9_of_everything(folder: Path) -> None:
    remember(folder, "killed")
    before = pids_of(folder)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not embedded.running(folder), seconds=5)
    embedded.start(folder, postgres_options=FAST)
    assert remembers(folder, "killed")
    assert set(pids_of(folder)).isdisjoint(before)


def test_a_stale_number_that_now_belongs_to_another_program_harms_nobody(folder: Path) -> None:
    before = pids_of(folder)
    home = home_of(folder)
    embedded.stop(folder)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (home / "postgres" / "cluster" / "postmaster.pid").write_text(
            f"{stranger.pid}\n", encoding="utf-8"
        )
        (home / "valkey" / "server.pid").write_text(f"{stranger.pid}\n", encoding="utf-8")
        assert embedded.running(folder) is False
        embedded.stop(folder)
        embedded.start(folder, postgres_options=FAST)
        assert stranger.poll() is None
        stranger.kill()
    assert embedded.running(folder) is True
    assert set(pids_of(folder)).isdisjoint({*before, stranger.pid})


def test_a_port_taken_meanwhile_is_given_up_for_another(folder: Path) -> None:
    remember(folder, "moved")
    embedded.stop(folder)
    before = load_state(folder)
    assert before is not None
    with socket.socket() as first, socket.socket() as second:
        for rival, port in ((first, before.postgres_port), (second, before.valkey_port)):
            rival.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            rival.bind(("127.0.0.1", port))
            rival.listen()
        services = embedded.start(folder, postgres_options=FAST)
    after = load_state(folder)
    assert after is not None
    assert after.postgres_port not in {before.postgres_port, before.valkey_port}
    assert after.valkey_port not in {before.postgres_port, before.valkey_port}
    assert services == embedded.urls(folder)
    assert remembers(folder, "moved")
    assert redis.Redis.from_url(services.redis_url).ping() is True


def test_two_starters_at_once_make_one_pair(folder: Path) -> None:
    embedded.stop(folder)
    command = [sys.executable, "-m", "config.embedded", "start"]
    environment = {**os.environ, "SWITCHBOARD_DATA_DIR": str(folder)}
    starters = [
        subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    assert [starter.wait(60) for starter in starters] == [0, 0]
    for starter in starters:
        assert starter.stdout is not None
        assert starter.stdout.read().decode() == f"PostgreSQL and Valkey of {folder} run.\n"
        starter.stdout.close()
    assert embedded.running(folder) is True


def test_permissions_of_the_folders_above_stay_as_they_were(
    started: tuple[Path, dict[Path, int]],
) -> None:
    folder, before = started
    assert before[folder.parent] == 0o700
    assert permissions_up_from(folder.parent) == before


def test_other_passwords_than_the_data_was_made_with_are_explained(folder: Path) -> None:
    path = folder / "embedded.json"
    right = path.read_text(encoding="utf-8")
    state = load_state(folder)
    assert state is not None
    path.write_text(right.replace(state.admin_password, "another"), encoding="utf-8")
    try:
        with pytest.raises(embedded.EmbeddedError, match="refuses its password"):
            embedded.start(folder)
    finally:
        path.write_text(right, encoding="utf-8")


def test_a_server_that_does_not_start_is_explained_by_the_lines_of_this_start(folder: Path) -> None:
    embedded.stop(folder)
    with pytest.raises(embedded.EmbeddedError) as refused:
        embedded.start(folder, postgres_options={"shared_buffers": "plenty"})
    said, *log = str(refused.value).splitlines()
    assert said == "The embedded PostgreSQL does not start:"
    assert len(log) == 2
    assert 'invalid value for parameter "shared_buffers": "plenty"' in log[0]
    assert log[1].endswith("contains errors")


def test_addresses_are_known_before_anything_runs(tmp_path: Path) -> None:
    services = embedded.urls(tmp_path / "data")
    assert embedded.urls(tmp_path / "data") == services
    assert embedded.running(tmp_path / "data") is False
    assert services.database_url.startswith("postgresql://switchboard:")
    assert services.database_url.endswith("/switchboard")
    assert services.keys_database_url.endswith("/switchboard_keys")
    assert not (tmp_path / "data" / "postgres").exists()


def test_a_damaged_state_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "embedded.json"
    for text in ("{", "[]", '{"port": 1}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(embedded.EmbeddedError, match="is damaged"):
            embedded.urls(tmp_path)
        assert path.read_text(encoding="utf-8") == text


def test_secrets_with_a_line_missing_are_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    path.write_text('{"SECRET_KEY": "x"}', encoding="utf-8")
    with pytest.raises(embedded.EmbeddedError, match="lacks a secret"):
        embedded.secrets(tmp_path)
    assert path.read_text(encoding="utf-8") == '{"SECRET_KEY": "x"}'
