import datetime as dt
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from typing_extensions import override
from websockets.sync.client import ClientConnection, connect

from guesthouse.api import create_app
from guesthouse.db import Database, upgrade
from guesthouse.db.tables import environments, tokens
from guesthouse.errors import NotFound
from guesthouse.gateway.certificates import CertificateAuthority
from guesthouse.gateway.model import Access, ControlPlane, Route, Site, route_host
from guesthouse.gateway.paths import state_and_next
from guesthouse.gateway.render import render_site
from guesthouse.gateway.tls import GatewayCertificates
from guesthouse.kit.clock import SystemClock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import ActorKind, system_scope
from guesthouse.people.model import Account, Door, MembershipOrigin, Origin, Role
from guesthouse.people.store import AccountStore
from guesthouse.people.tokens import TokenGrant
from tests.fakes.clock import START
from tests.fakes.services import FakeServices, fake_services
from tests.integration.gateway.serving import (
    Control,
    Message,
    Nginx,
    Product,
    Relay,
    Served,
    free_port,
)

APPS = "apps.localhost"
UPLOAD = 100_000
FORWARDED_PORT = 9443


def _person(login: str, kind: ActorKind, **roles: Role) -> Account:
    return Account(
        id="",
        login=login,
        title=login,
        kind=kind,
        has_password=False,
        has_totp=False,
        is_declared=False,
        created_at=START,
        roles=roles,
    )


OWNER = _person("owner", ActorKind.OPERATOR)
MEMBER = _person("member", ActorKind.MEMBER, acme=Role.VIEWER)
OUTSIDER = _person("outsider", ActorKind.MEMBER, other=Role.MANAGER)


@dataclass
class Console:
    """Stands for the console's pages: signs people in, and leads them back to a gateway."""

    services: FakeServices
    count: int = 0

    def session(self, account: Account) -> tuple[str, str]:
        """Return the secret and the id of a new session of a new account like this one."""
        self.count += 1
        account = replace(account, id=f"acc_{self.count}", login=f"{account.login}{self.count}")
        store = AccountStore()
        with self.services.database.transaction() as transaction:
            store.insert(transaction, account)
            for partner, role in account.roles.items():
                origin = MembershipOrigin.INVITATION
                store.join(transaction, account.id, partner, role=role, origin=origin)
            opened = self.services.sessions.open(
                transaction, account, door=Door.PASSWORD, origin=Origin("127.0.0.1")
            )
        return opened.secret.reveal(), opened.session.id

    def page(self, request: Message) -> str | None:
        """Answer ``/enter/<environment>/<route>``; None sends to the sign-in."""
        cookies = SimpleCookie(
            b"; ".join(value for name, value in request["headers"] if name == b"cookie").decode()
        )
        secret = cookies.get("__Host-guesthouse-session")
        scope = self.services.sessions.authenticate(secret.value) if secret else None
        if scope is None:
            return None
        _, _, environment, route = request["path"].split("/")
        state, following = state_and_next(request["query_string"].decode())
        try:
            return self.services.entrance.way_in(
                scope, environment=environment, route=route, state=state, following=following
            )
        except NotFound:
            return None


@dataclass(frozen=True)
class Gateway:
    """What a test calls, and what it may break."""

    port: int
    ca_file: Path
    control: Control
    control_server: Served
    product: Product
    services: FakeServices
    console: Console
    relay: Relay
    product_port: int
    names: list[str] = field(default_factory=list)

    def host(self, route: str, environment: str = "acme") -> str:
        return route_host(route, environment, APPS)

    def url(self, route: str, path: str = "/", environment: str = "acme") -> str:
        return f"https://{self.host(route, environment)}:{self.port}{path}"

    def token(self, partner: str = "acme", lifetime: dt.timedelta | None = None) -> str:
        name = f"token-{len(self.names)}"
        self.names.append(name)
        grant = TokenGrant(name, "member", ActorKind.MEMBER, frozenset({partner}), lifetime)
        with self.services.database.transaction() as transaction:
            return self.services.tokens.create(transaction, system_scope(), grant).reveal()

    def revoke_newest(self) -> None:
        with self.services.database.transaction() as transaction:
            where = tokens.c.name == self.names[-1]
            token_id = transaction.scalar(sa.select(tokens.c.id).where(where))
            assert self.services.tokens.revoke(transaction, system_scope(), token_id)

    def revoke_session(self, session: str) -> None:
        scope = self.services.sessions.authenticate_id(session)
        assert scope
        self.services.sessions.revoke(scope, session)

    def websocket(self, headers: dict[str, str], *, environment: str = "acme") -> ClientConnection:
        """Open a WebSocket; its first message is what the product was sent."""
        context = self.context()
        # This client reads and writes in two threads. With TLS 1.3 tickets come while it writes
        # its request, and now and then that is never sent.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        return connect(
            f"wss://{self.host('app', environment)}:{self.port}/live",
            sock=socket.create_connection(("127.0.0.1", self.port), 20),
            ssl=context,
            additional_headers=headers,
        )

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


class Loopback(httpx.BaseTransport):
    """Sends every request to this machine under the name it is for, as DNS would."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._inner = httpx.HTTPTransport(verify=context)

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        here = httpx.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1"),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return self._inner.handle_request(here)

    @override
    def close(self) -> None:
        self._inner.close()


class Browser(httpx.Client):
    """Keeps cookies by host, says what it can show, and goes where it is sent when told to."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(
            transport=Loopback(gateway.context()),
            headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"},
            timeout=20,
        )
        self._gateway = gateway

    def sign_in(self, who: Account) -> str:
        """Be somebody like this at the console from now on; return the session's id."""
        secret, session = self._gateway.console.session(who)
        self.cookies.set("__Host-guesthouse-session", secret, domain="console.localhost")
        return session

    def come_in(self, url: str) -> httpx.Response:
        """Open an address and follow every redirect."""
        return self.get(url, follow_redirects=True)

    def cookie(self, host: str, name: str = "__Host-guesthouse") -> str | None:
        kept = [each for each in self.cookies.jar if (each.domain, each.name) == (host, name)]
        return kept[0].value if kept else None


@contextmanager
def serving(root: Path, *, admitted_while_away: int | None = None) -> Iterator[Gateway]:
    """Run everything there is between a browser and a product.

    Args:
        root: A directory of its own.
        admitted_while_away: The setting, in seconds; None leaves it as it is.
    """
    port = free_port()
    services = _services(root, port)
    if admitted_while_away is not None:
        settings = replace(services.settings, admitted_while_away=admitted_while_away)
        services = replace(services, settings=settings)
    console = Console(services)
    control, product = Control(create_app(services), console.page), Product()
    control_server, product_server = Served(control), Served(product)
    control_server.start()
    product_server.start()
    nginx = Nginx(root, port, control_server.port)
    ca_file = _certificates(root)
    _sites(nginx, product_server.port)
    relay = Relay(root, ca_file)
    with nginx.running(), relay.running():
        yield Gateway(
            port=port,
            ca_file=ca_file,
            control=control,
            control_server=control_server,
            product=product,
            services=services,
            console=console,
            relay=relay,
            product_port=product_server.port,
        )
    control_server.stop()
    product_server.stop()
    services.database.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with serving(tmp_path_factory.mktemp("gateway")) as made:
        yield made


@pytest.fixture
def browser(gateway: Gateway) -> Iterator[Browser]:
    with Browser(gateway) as made:
        yield made


@pytest.fixture
def caller(gateway: Gateway) -> Iterator[Caller]:
    made = Caller(gateway)
    yield made
    made.close()


def _services(root: Path, port: int) -> FakeServices:
    """Return the control plane's services, with an environment that serves for each site."""
    database = Database(Sensitive(f"sqlite:///{root / 'guesthouse.sqlite'}"))
    upgrade(database)
    services = fake_services(database, SystemClock(), root)
    for environment in ("acme", "other"):
        routes = {
            name: {
                "url": f"https://{route_host(name, environment, APPS)}:{port}/",
                "access": access,
            }
            for access, names in (("platform", ("app", "feed", "status")), ("product", ("hub",)))
            for name in names
        }
        change = sa.update(environments).where(environments.c.name == environment)
        with database.transaction() as transaction:
            transaction.change(change.values(lock={"routes": routes}))
    return services


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
    console = f"https://console.localhost:{nginx.port}"
    here = f"https://127.0.0.1:{nginx.port}"
    plain = ControlPlane(f"http://127.0.0.1:{nginx.control_port}", console)
    secure = ControlPlane(here, console, "console.localhost")
    false = ControlPlane(here, console, "other.localhost")
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
            streaming=name in {"hub", "feed"},
            upload_bytes=UPLOAD,
        )

    return (
        route("app", Access.PLATFORM),
        route("hub", Access.PRODUCT),
        route("api", Access.PUBLIC, path="/v1.0"),
        route("gone", Access.PUBLIC, port=free_port()),
        route("feed", Access.PLATFORM),
        route("status", Access.PLATFORM, path="/status"),
    )
