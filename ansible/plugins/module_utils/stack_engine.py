"""The Docker Engine over its socket: milliseconds where a `docker` command takes a hundred."""

from __future__ import annotations

import http.client
import io
import json
import socket
import tarfile
import urllib.parse
from collections.abc import Set as AbstractSet

from ansible_collections.guesthouse.platform.plugins.module_utils.stack_failure import (
    EngineDown,
    Failure,
    says_full,
)

DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
TIMEOUT_SECONDS = 60.0
LINES_LIMIT_BYTES = 256 * 1024
ANSWER_LIMIT_BYTES = 64 * 1024 * 1024
TAR_OVERHEAD_BYTES = 64 * 1024
FRAME_HEADER_BYTES = 8
NOT_FOUND = 404
USED = (403, 409)
"""What the engine answers when a network, volume or image is in use."""
FIRST_ERROR = 400


class EngineRefused(Failure):
    """The engine answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        kind = "disk_full" if says_full([message]) else "engine_down"
        super().__init__(kind, f"Docker answered {status}: {message}")
        self.status = status


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_SECONDS)
        self.sock.connect(self._path)


class Engine:
    """One engine; every method asks it anew and keeps nothing."""

    def __init__(self, address: str | None = None) -> None:
        self.address = address or DEFAULT_ADDRESS
        self._path = self.address[len("unix://") :]

    def version(self) -> str:
        """Return the engine's version.

        Raises:
            EngineDown: It does not answer.
        """
        return str(self._json("GET", "/version")["Version"])

    def list_containers(self, project: str) -> list[dict]:
        """Return one short entry for each container of a project, stopped ones included."""
        return self._json("GET", "/containers/json", all="1", filters=_of_project(project))

    def inspect_containers(
        self, project: str, *, but_not: AbstractSet[str] = frozenset()
    ) -> list[dict]:
        """Return everything about each container of a project; one that just went is left out.

        Args:
            project: Compose project.
            but_not: Ids of containers that need not be asked for.
        """
        names = (entry["Id"] for entry in self.list_containers(project))
        found = (self.inspect(name) for name in names if name not in but_not)
        return [container for container in found if container is not None]

    def inspect(self, container: str) -> dict | None:
        """Return everything about one container, or None when there is none."""
        try:
            return self._json("GET", f"/containers/{container}/json")
        except EngineRefused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise

    def list_networks(self, project: str) -> list[dict]:
        """Return the networks of a project."""
        return self._json("GET", "/networks", filters=_of_project(project))

    def list_volumes(self, project: str) -> list[dict]:
        """Return the volumes of a project."""
        return self._json("GET", "/volumes", filters=_of_project(project))["Volumes"] or []

    def list_images(self, project: str) -> list[dict]:
        """Return the images built for a project, those without a name included."""
        return self._json("GET", "/images/json", filters=_of_project(project))

    def inspect_image(self, image: str) -> dict | None:
        """Return everything about one image, or None when there is none."""
        try:
            return self._json("GET", f"/images/{image}/json")
        except EngineRefused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise

    def tag(self, image: str, reference: str) -> None:
        """Let a reference (`repository:tag`) name an image again."""
        repository, _, tag = reference.rpartition(":")
        self._call("POST", f"/images/{image}/tag", repo=repository, tag=tag)

    def stop(self, container: str) -> None:
        """Stop a container, with its own grace time."""
        self._call_unless_gone("POST", f"/containers/{container}/stop")

    def remove_container(self, container: str) -> bool:
        """Remove a container and its unnamed volumes; return whether it was there."""
        return self._call_unless_gone("DELETE", f"/containers/{container}", force="1", v="1")

    def remove_network(self, network: str) -> bool:
        """Remove a network nobody is on; return whether it went."""
        return self._call_unless_used("DELETE", f"/networks/{network}")

    def remove_volume(self, volume: str) -> bool:
        """Remove a volume nobody uses; return whether it went."""
        return self._call_unless_used("DELETE", f"/volumes/{volume}", force="1")

    def remove_image(self, image: str) -> bool:
        """Remove an image nobody uses, with all its names; return whether it went."""
        return self._call_unless_used("DELETE", f"/images/{image}", force="1")

    def last_lines(self, container: str, count: int) -> list[str]:
        """Return the last lines a container printed; none where it is gone."""
        query = {"stdout": "1", "stderr": "1", "tail": str(count)}
        try:
            raw = self._call(
                "GET", f"/containers/{container}/logs", limit_bytes=LINES_LIMIT_BYTES, **query
            )
        except EngineRefused:
            return []
        return _without_frames(raw).splitlines()

    def read_file(self, container: str, path: str, *, limit_bytes: int) -> str | None:
        """Return the text of one regular file in a container, running or not; None without one."""
        try:
            raw = self._call(
                "GET",
                f"/containers/{container}/archive",
                limit_bytes=limit_bytes + TAR_OVERHEAD_BYTES,
                path=path,
            )
            with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
                return _text_of_only_member(archive, limit_bytes)
        except (EngineRefused, tarfile.TarError):
            return None

    def _json(self, method: str, path: str, /, **query: str):  # noqa: ANN202 - whatever JSON holds
        return json.loads(self._call(method, path, **query))

    def _call_unless_gone(self, method: str, path: str, /, **query: str) -> bool:
        try:
            self._call(method, path, **query)
        except EngineRefused as refused:
            if refused.status == NOT_FOUND:
                return False
            raise
        return True

    def _call_unless_used(self, method: str, path: str, /, **query: str) -> bool:
        try:
            return self._call_unless_gone(method, path, **query)
        except EngineRefused as refused:
            if refused.status in USED:
                return False
            raise

    def _call(
        self, method: str, path: str, /, *, limit_bytes: int = ANSWER_LIMIT_BYTES, **query: str
    ) -> bytes:
        target = f"{path}?{urllib.parse.urlencode(query)}" if query else path
        connection = _SocketConnection(self._path)
        try:
            connection.request(method, target)
            response = connection.getresponse()
            body = response.read(limit_bytes)
        except (OSError, http.client.HTTPException) as exc:
            raise EngineDown(self.address, str(exc) or type(exc).__name__) from exc
        finally:
            connection.close()
        if response.status >= FIRST_ERROR:
            raise EngineRefused(response.status, _message(body))
        return body


def service_of(container: dict) -> str:
    """Return the Compose service a container (inspected or listed) belongs to."""
    labels = container["Config"]["Labels"] if "Config" in container else container["Labels"]
    return labels.get(SERVICE_LABEL, "")


def _of_project(project: str) -> str:
    return json.dumps({"label": [f"{PROJECT_LABEL}={project}"]})


def _text_of_only_member(archive: tarfile.TarFile, limit_bytes: int) -> str | None:
    member = archive.next()
    if member is None or not member.isreg() or member.size > limit_bytes:
        return None
    content = archive.extractfile(member)
    return content.read().decode("utf-8", "replace") if content else None


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body[:300].decode("utf-8", "replace")


def _is_plain(raw: bytes) -> bool:
    """Return whether a log has no frames: the container has a terminal."""
    return not (raw[:1] in (b"\x00", b"\x01", b"\x02") and raw[1:4] == b"\x00\x00\x00")


def _without_frames(raw: bytes) -> str:
    """Return a container's log as text; each frame is eight bytes of header, then a piece."""
    if _is_plain(raw):
        return raw.decode("utf-8", "replace")
    pieces = []
    while len(raw) > FRAME_HEADER_BYTES:
        end = FRAME_HEADER_BYTES + int.from_bytes(raw[4:FRAME_HEADER_BYTES], "big")
        pieces.append(raw[FRAME_HEADER_BYTES:end])
        raw = raw[end:]
    return b"".join(pieces).decode("utf-8", "replace")
