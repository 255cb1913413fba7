import datetime as dt
import ipaddress
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typing_extensions import override

from guesthouse.kit import process

LIMIT = dt.timedelta(seconds=60)
DAY = dt.timedelta(days=1)


class Repository:
    """A repository made by git itself, bare, so that any tree can be written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(path))

    @property
    def url(self) -> str:
        return f"file://{self.path}"

    def blob(self, content: bytes) -> str:
        return self.git("hash-object", "-w", "--stdin", stdin=content)

    def tree(self, entries: Mapping[str, tuple[str, str]], *, missing: bool = False) -> str:
        """Write a tree: name → (mode, object)."""
        kinds = {"040000": "tree", "160000": "commit"}
        lines = [
            f"{mode} {kinds.get(mode, 'blob')} {sha}\t{name}"
            for name, (mode, sha) in entries.items()
        ]
        options = ("--missing",) if missing else ()
        return self.git("mktree", *options, stdin="".join(f"{line}\n" for line in lines).encode())

    def commit(self, tree: str, branch: str = "main") -> str:
        sha = self.git("commit-tree", "-m", "as it is", tree)
        self.git("update-ref", f"refs/heads/{branch}", sha)
        return sha

    def files(self, contents: Mapping[str, bytes], branch: str = "main") -> str:
        """Commit plain files at the top."""
        return self.commit(
            self.tree({name: ("100644", self.blob(data)) for name, data in contents.items()}),
            branch,
        )

    def git(self, *words: str, stdin: bytes = b"") -> str:
        person = {"NAME": "Anna", "EMAIL": "anna@example.com", "DATE": "2026-01-02T03:04:05Z"}
        names = {
            f"GIT_{role}_{name}": value
            for role in ("AUTHOR", "COMMITTER")
            for name, value in person.items()
        }
        env = {**process.base_environment(), **names, "GIT_CONFIG_GLOBAL": "/dev/null"}
        where = (f"--git-dir={self.path}",) if words[0] != "init" else ()
        done = process.run(["git", *where, *words], limit=LIMIT, env=env, stdin=stdin)
        assert done.ok, done.errors
        return done.output.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository.git")


@dataclass
class Host:
    """A Git host on loopback with HTTPS: git's own http-backend behind Python's server."""

    root: Path
    ca_file: Path
    port: int = 0
    hits: list[str] = field(default_factory=list)
    redirects: dict[str, str] = field(default_factory=dict)
    """First part of a path → where it sends."""

    def url(self, repository: Repository, name: str = "127.0.0.1") -> str:
        return f"https://{name}:{self.port}/{repository.path.relative_to(self.root)}"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    yield from _serve(Host(tmp_path, tmp_path / "ca.pem"))


@pytest.fixture
def other_host(tmp_path: Path) -> Iterator[Host]:
    """One that nobody may be led to."""
    yield from _serve(Host(tmp_path, tmp_path / "ca.pem"))


def _serve(host: Host) -> Iterator[Host]:
    key_file = host.root / "key.pem"
    if not key_file.exists():
        _make_certificate(host.ca_file, key_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(host.ca_file, key_file)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(host))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    host.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield host
    server.shutdown()
    thread.join()
    server.server_close()


def _handler(host: Host) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

        def _answer(self, body: bytes) -> None:
            host.hits.append(self.path)
            first = self.path.split("/")[1]
            if first in host.redirects:
                self.send_response(302)
                rest = self.path.removeprefix(f"/{first}")
                self.send_header("Location", host.redirects[first] + rest)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self._backend(body)

        def _backend(self, body: bytes) -> None:
            path, _, query = self.path.partition("?")
            env = {
                **process.base_environment(),
                "GIT_PROJECT_ROOT": str(host.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "CONTENT_LENGTH": str(len(body)),
            }
            argv = ["git", "http-backend"]
            done = subprocess.run(argv, input=body, capture_output=True, env=env, check=True)
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.send_response(int(headers.pop("Status", "200")[:3]))
            headers["Content-Length"] = str(len(content))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


def _make_certificate(certificate_file: Path, key_file: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    address = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("git.example.invalid")]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + 100 * 365 * DAY)
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
