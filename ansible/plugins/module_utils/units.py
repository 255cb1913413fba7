"""Renders what starts a service: a systemd unit, or an LSB init script. Pure: values to text."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

NAME = re.compile(r"^[a-z][a-z0-9-]{0,47}$")
UNSAFE = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Service:
    """A program that runs for as long as the machine does, or once at its start."""

    name: str
    description: str
    argv: tuple[str, ...]
    """The program in the foreground; with `oneshot`, what sets the thing up."""
    oneshot: bool = False
    stop: tuple[str, ...] = ()
    """With `oneshot`: what takes it away again."""
    user: str = "root"
    environment: dict[str, str] = field(default_factory=dict)
    log: str = ""
    """Where an init script sends what the program says; systemd has its journal."""
    open_files: int = 65536
    after: tuple[str, ...] = ()
    """Names of services that come first."""
    kill_mode: str = "control-group"
    """`process` leaves alone what the program started: containers outlive their engine."""
    grace_seconds: int = 30
    """How long it may take to end before it is made to."""


def problems(service: Service) -> list[str]:
    """Return what forbids rendering; every text ends up in a file read by root."""
    texts = [service.description, service.user, service.log, *service.argv, *service.stop]
    texts += [*service.environment, *service.environment.values(), *service.after]
    found = [f"{text!r} holds a control character" for text in texts if UNSAFE.search(text)]
    if not NAME.match(service.name):
        found.append(f"{service.name!r} is not a service name")
    if not service.argv:
        found.append("argv is empty")
    return found


def systemd_unit(service: Service) -> str:
    """Return the unit file."""
    unit = [f"Description={service.description.replace('%', '%%')}"]
    unit += [f"After={' '.join(['network-online.target', *_units(service.after)])}"]
    unit += ["Wants=network-online.target"]
    lines = ["Type=oneshot", "RemainAfterExit=yes"] if service.oneshot else ["Type=exec"]
    lines += [f"ExecStart={_systemd_words(service.argv)}"]
    if service.oneshot and service.stop:
        lines += [f"ExecStop={_systemd_words(service.stop)}"]
    if not service.oneshot:
        lines += ["ExecReload=/bin/kill -HUP $MAINPID", "Restart=on-failure", "RestartSec=2"]
        lines += [f"KillMode={service.kill_mode}", f"TimeoutStopSec={service.grace_seconds}"]
    if service.user != "root":
        lines += [f"User={service.user}"]
    lines += [f"LimitNOFILE={service.open_files}"]
    lines += [
        f"Environment={_systemd_quoted(f'{name}={value}')}"
        for name, value in sorted(service.environment.items())
    ]
    return _sections(
        ("Unit", unit), ("Service", lines), ("Install", ["WantedBy=multi-user.target"])
    )


def init_script(service: Service) -> str:
    """Return the LSB init script, for machines that systemd does not run."""
    header = _HEADER.format(
        name=service.name,
        description=service.description,
        required=" ".join(["$network", "$local_fs", *service.after]),
    )
    exports = "".join(
        f"export {name}={shlex.quote(value)}\n"
        for name, value in sorted(service.environment.items())
    )
    values = {
        "name": service.name,
        "exports": exports,
        "argv": shlex.join(service.argv),
        "program": shlex.quote(service.argv[0]),
        "arguments": shlex.join(service.argv[1:]),
        "stop": shlex.join(service.stop) if service.stop else ":",
        "user": shlex.quote(service.user),
        "log": shlex.quote(service.log or "/dev/null"),
        "open_files": service.open_files,
        "grace": service.grace_seconds,
    }
    body = _ONESHOT if service.oneshot else _DAEMON
    return header + body.format(**values)


def _units(names: tuple[str, ...]) -> list[str]:
    return [name if "." in name else f"{name}.service" for name in names]


def _systemd_words(words: tuple[str, ...]) -> str:
    return " ".join(_systemd_word(word) for word in words)


def _systemd_word(word: str) -> str:
    """Quote a word of a command line, where `$` would begin a variable."""
    return _systemd_quoted(word.replace("$", "$$"))


def _systemd_quoted(text: str) -> str:
    """Quote a text for a unit file, where `%` begins a specifier."""
    text = text.replace("%", "%%")
    if re.fullmatch(r"[A-Za-z0-9_@%+=:,./$-]+", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _sections(*sections: tuple[str, list[str]]) -> str:
    return "\n\n".join("\n".join([f"[{name}]", *lines]) for name, lines in sections) + "\n"


_HEADER = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          {name}
# Required-Start:    {required}
# Required-Stop:     {required}
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: {description}
### END INIT INFO
"""

_DAEMON = """\
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
{exports}pidfile=/run/{name}.pid

is_running() {{
    [ -s "$pidfile" ] && start-stop-daemon --status --pidfile "$pidfile" --exec {program}
}}

start() {{
    is_running && return 0
    # A machine that does not let a limit be raised is no reason not to start.
    ulimit -n {open_files} 2>/dev/null || ulimit -n "$(ulimit -H -n)" 2>/dev/null || true
    start-stop-daemon --start --quiet --background --make-pidfile --pidfile "$pidfile" \\
        --chuid {user} --output {log} --exec {program} -- {arguments}
}}

stop() {{
    is_running || return 0
    start-stop-daemon --stop --quiet --retry TERM/{grace}/KILL/5 --pidfile "$pidfile" \\
        --exec {program} --remove-pidfile
}}

case "$1" in
    start) start ;;
    stop) stop ;;
    restart | force-reload) stop && start ;;
    reload) is_running && kill -HUP "$(cat "$pidfile")" ;;
    status) is_running ;;
    *) echo "Usage: $0 {{start|stop|restart|reload|status}}" >&2; exit 2 ;;
esac
"""

_ONESHOT = """\
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
{exports}mark=/run/{name}.done

start() {{
    {argv} && : > "$mark"
}}

stop() {{
    {stop}
    rm -f "$mark"
}}

case "$1" in
    start | reload | restart | force-reload) start ;;
    stop) stop ;;
    status) [ -e "$mark" ] ;;
    *) echo "Usage: $0 {{start|stop|restart|reload|status}}" >&2; exit 2 ;;
esac
"""
