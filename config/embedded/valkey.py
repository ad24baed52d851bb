"""The embedded Valkey: loopback only, a password, nothing on disk, bounded memory."""

from __future__ import annotations

import socket
from pathlib import Path

from config.embedded.errors import EmbeddedError
from config.embedded.placement import Placement
from config.embedded.processes import end, is_ours, pid_in, size_of, tail, wait_until
from config.embedded.state import State, changed, free_port, port_is_free

# noeviction: a lost group membership or queued task must be an error, never a silence.
_SETTINGS = """\
bind 127.0.0.1
port {port}
protected-mode yes
requirepass {password}
save ""
appendonly no
maxmemory 256mb
maxmemory-policy noeviction
daemonize yes
pidfile "{folder}/server.pid"
logfile "{folder}/server.log"
dir "{folder}"
loglevel notice
# Names the process by its own file, which tells it from another with the same number.
proc-title-template "{{title}} {{listen-addr}} {{config-file}}"
# A crash report would print what clients sent.
crash-log-enabled no
crash-memcheck-enabled no
"""


def start(folder: Path, where: Placement, state: State) -> State:
    """Start the server unless it runs and answers to its password."""
    if alive(where):
        if wait_until(lambda: _answers(state), seconds=10):
            return state
        stop(where)
    where.make_folder(where.valkey)
    for _ in range(5):
        if not port_is_free(state.valkey_port):
            state = changed(folder, state, valkey_port=free_port())
        log_before = size_of(_log(where))
        if _launch(where, state):
            return state
        stop(where)
        if port_is_free(state.valkey_port):
            break
    cause = tail(_log(where), since=log_before)
    raise EmbeddedError(f"The embedded Valkey does not start:\n{cause}")


def stop(where: Placement) -> None:
    pid = pid_in(_pid_file(where))
    if pid is not None:
        end(pid, _config_file(where), seconds=10)


def alive(where: Placement) -> bool:
    """Whether this folder's server process exists."""
    return is_ours(pid_in(_pid_file(where)), _config_file(where))


def _launch(where: Placement, state: State) -> bool:
    _pid_file(where).unlink(missing_ok=True)
    text = _SETTINGS.format(
        port=state.valkey_port, password=state.valkey_password, folder=where.valkey
    )
    where.write(_config_file(where), text)
    if where.run([where.valkey_server, _config_file(where)]).returncode != 0:
        return False
    return wait_until(lambda: _answers(state), seconds=10)


def _answers(state: State) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", state.valkey_port), timeout=1) as connection:
            connection.sendall(f"AUTH {state.valkey_password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2:
                part = connection.recv(256)
                if not part:
                    return False
                answer += part
    except OSError:
        return False
    return answer == b"+OK\r\n+PONG\r\n"


def _config_file(where: Placement) -> Path:
    return where.valkey / "valkey.conf"


def _log(where: Placement) -> Path:
    return where.valkey / "server.log"


def _pid_file(where: Placement) -> Path:
    return where.valkey / "server.pid"
