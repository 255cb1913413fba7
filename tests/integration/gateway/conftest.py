import datetime as dt
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from guesthouse.db import Database, upgrade
from guesthouse.db.tables import environments, partners, products, tokens
from guesthouse.gateway.certificates import CertificateAuthority
from guesthouse.gateway.model import Access, ControlPlane, Route, Site, route_host
from guesthouse.gateway.render import render_site
from guesthouse.gateway.service import AuthorisationService
from guesthouse.gateway.tls import GatewayCertificates
from guesthouse.kit.clock import SystemClock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import ActorKind, system_scope
from guesthouse.people.tokens import TokenGrant, TokenStore
from tests.integration.gateway.serving import Control, Nginx, Product, Served, free_port

APPS = "apps.localhost"
UPLOAD = 100_000
FORWARDED_PORT = 9443
START = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Gateway:
    """What a test calls, and what it may break."""

    port: int
    ca_file: Path
    control: Control
    control_server: Served
    product: Product
    database: Database
    store: TokenStore
    names: list[str] = field(default_factory=list)

    def host(self, route: str, environment: str = "acme") -> str:
        return route_host(route, environment, APPS)

    def url(self, route: str, path: str = "/", environment: str = "acme") -> str:
        return f"https://{self.host(route, environment)}:{self.port}{path}"

    def token(self, partner: str = "acme", lifetime: dt.timedelta | None = None) -> str:
        name = f"token-{len(self.names)}"
        self.names.append(name)
        grant = TokenGrant(name, "member", ActorKind.MEMBER, frozenset({partner}), lifetime)
        with self.database.transaction() as transaction:
            return self.store.create(transaction, system_scope(), grant).reveal()

    def revoke_newest(self) -> None:
        with self.database.transaction() as transaction:
            where = tokens.c.name == self.names[-1]
            token_id = transaction.scalar(sa.select(tokens.c.id).where(where))
            assert self.store.revoke(transaction, system_scope(), token_id)

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ca_file))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context


class Caller:
    """An HTTPS client that finds every host at the test's nginx."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._client = httpx.Client(verify=gateway.context(), timeout=20)

    def request(
        self,
        method: str,
        url: str,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        content: bytes | Iterable[bytes] = b"",
    ) -> httpx.Response:
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        request = self.prepared(method, url, headers=sent, content=content)
        return self._client.send(request)

    def prepared(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        content: bytes | Iterable[bytes] = b"",
    ) -> httpx.Request:
        """Return a request that goes to the loopback address under the URL's name."""
        wanted = httpx.URL(url)
        return self._client.build_request(
            method,
            url.replace(wanted.host, "127.0.0.1", 1),
            headers={"Host": f"{wanted.host}:{wanted.port}"} | (headers or {}),
            content=content,
            extensions={
                "sni_hostname": wanted.host,
                "timeout": dict.fromkeys(("connect", "read", "write", "pool"), 20),
            },
        )

    def get(self, route: str, path: str = "/", *, token: str | None = None) -> httpx.Response:
        return self.request("GET", self._gateway.url(route, path), token=token)

    def stream(self, request: httpx.Request) -> httpx.Response:
        return self._client.send(request, stream=True)

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    root = tmp_path_factory.mktemp("gateway")
    database = _database(root)
    store = TokenStore(database, SystemClock())
    control, product = Control(AuthorisationService(database, store)), Product()
    control_server, product_server = Served(control), Served(product)
    control_server.start()
    product_server.start()
    nginx = Nginx(root, free_port(), control_server.port)
    ca_file = _certificates(root)
    _sites(nginx, product_server.port)
    with nginx.running():
        yield Gateway(nginx.port, ca_file, control, control_server, product, database, store)
    control_server.stop()
    product_server.stop()
    database.close()


@pytest.fixture
def caller(gateway: Gateway) -> Iterator[Caller]:
    made = Caller(gateway)
    yield made
    made.close()


def _database(root: Path) -> Database:
    database = Database(Sensitive(f"sqlite:///{root / 'guesthouse.sqlite'}"))
    upgrade(database)
    common = {"created_at": START, "updated_at": START, "desired": {}}
    with database.transaction() as transaction:
        transaction.insert(products, name="beacon", **common)
        for name in ("acme", "other"):
            transaction.insert(partners, name=name, **common)
            transaction.insert(
                environments,
                name=name,
                partner=name,
                product="beacon",
                phase="development",
                state="ready",
                **common,
            )
    return database


def _certificates(root: Path) -> Path:
    console = "console.localhost"
    authority = CertificateAuthority(root / "ca", SystemClock(), domains=[console, APPS])
    files = GatewayCertificates(authority, apps_domain=APPS, hosts=[console])
    made = files.gateway_files("local")
    (root / "gateway" / "tls").mkdir(parents=True)
    for name, text in (
        ("certificate.pem", made.certificate),
        ("key.pem", made.key),
        ("ca.pem", made.ca),
    ):
        (root / "gateway" / "tls" / name).write_text(text)
    return authority.ca_file


def _sites(nginx: Nginx, product_port: int) -> None:
    """Write the sites of four environments, each with something of its own.

    `other` asks the control plane over HTTPS, `untrusting` one that shows the wrong name, and
    `forwarded` is behind a port that something forwards.
    """
    plain = ControlPlane(f"http://127.0.0.1:{nginx.control_port}")
    secure = ControlPlane(f"https://127.0.0.1:{nginx.port}", "console.localhost")
    false = ControlPlane(f"https://127.0.0.1:{nginx.port}", "other.localhost")
    folder = nginx.root / "gateway" / "sites"
    folder.mkdir()
    controls = {"acme": plain, "other": secure, "untrusting": false, "forwarded": plain}
    for name, control in controls.items():
        site = Site(
            environment=name,
            routes=_routes(name, product_port),
            port=nginx.port,
            root=str(folder.parent),
            control=control,
            public_port=FORWARDED_PORT if name == "forwarded" else None,
        )
        (folder / f"{name}.conf").write_text(render_site(site))


def _routes(environment: str, port: int) -> tuple[Route, ...]:
    def route(name: str, access: Access, *, port: int = port, path: str = "/") -> Route:
        return Route(
            name=name,
            host=route_host(name, environment, APPS),
            address="127.0.0.1",
            port=port,
            path=path,
            access=access,
            websockets=name == "app",
            streaming=name == "hub",
            upload_bytes=UPLOAD,
        )

    return (
        route("app", Access.PLATFORM),
        route("hub", Access.PRODUCT),
        route("api", Access.PUBLIC, path="/v1.0"),
        route("gone", Access.PUBLIC, port=free_port()),
    )
