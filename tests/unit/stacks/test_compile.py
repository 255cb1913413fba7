"""What becomes of ordinary files: limits, routes, tests, values, health, mounts."""

import dataclasses
import re
from pathlib import Path

import pytest

from guesthouse.kit.sensitive import Sensitive
from guesthouse.stacks.check import check
from guesthouse.stacks.draft import text_tag
from guesthouse.stacks.model import (
    MANIFEST_NAME,
    ComposeInvalid,
    EdgeTooSmall,
    Policy,
    ValuesInvalid,
)
from guesthouse.stacks.policy import CORE, PARTNER
from guesthouse.stacks.sources import FolderTree
from guesthouse.stacks.yamlfile import Yaml, read_mapping
from tests.unit.stacks.products import (
    MANIFEST,
    ROUTED,
    SECRET,
    compiled,
    notices,
    refused,
    report,
    section,
)

GIB = 2**30
MIB = 2**20
DOCKERFILE = {"Dockerfile": "FROM scratch\n"}


def service(lines: str = "") -> str:
    """Return a Compose file with one service that has these lines."""
    indented = "\n".join(f"    {line}" for line in lines.strip("\n").splitlines())
    return f"services:\n  app:\n    image: app:1\n{indented}\n"


def problem(compose: str, manifest: str = MANIFEST) -> str:
    """Return what is wrong with a product."""
    with pytest.raises(ComposeInvalid) as raised:
        compiled(compose, manifest=manifest)
    return " ".join(map(str, raised.value.problems))


# walls


def test_every_service_has_its_walls() -> None:
    app = section(compiled(service()))
    assert app["cap_drop"] == ["ALL"]
    assert app["security_opt"] == ["no-new-privileges:true"]
    assert app["init"] is True
    assert app["logging"] == {
        "driver": "local",
        "options": {"max-size": "10m", "max-file": "3", "compress": "true"},
    }
    assert app["mem_limit"] == app["memswap_limit"] == 2 * GIB
    assert app["pids_limit"] == 1024
    assert app["cpus"] == 2
    assert app["ulimits"] == {"nofile": {"soft": 16384, "hard": 16384}}
    assert app["cap_add"] == sorted(CORE.granted_capabilities)


def test_the_walls_are_what_inspect_must_show() -> None:
    expected = compiled(service("mem_limit: 256m\ncpus: 0.5\nread_only: true")).expected["app"]
    assert expected == {
        "cap_add": sorted(CORE.granted_capabilities),
        "cap_drop": ["ALL"],
        "memory_bytes": 256 * MIB,
        "memory_swap_bytes": 256 * MIB,
        "pids": 1024,
        "nano_cpus": 500_000_000,
        "read_only": True,
        "networks": ["gh-acme_core_default"],
        "mounts": {},
        "replicas": 1,
        "completes": False,
        "has_health_check": False,
    }


@pytest.mark.parametrize(
    ("lines", "key", "value"),
    [
        pytest.param("mem_limit: 128m", "mem_limit", 128 * MIB, id="short"),
        pytest.param(
            "deploy: {resources: {limits: {memory: 64M}}}", "mem_limit", 64 * MIB, id="deploy"
        ),
        pytest.param("mem_limit: 1000g", "mem_limit", 64 * GIB, id="memory-capped"),
        pytest.param("mem_limit: 1b", "mem_limit", 6 * MIB, id="memory-raised"),
        pytest.param("cpus: '0.25'", "cpus", 0.25, id="cpus"),
        pytest.param("cpus: 16", "cpus", 2, id="cpus-capped-to-instance"),
        pytest.param("deploy: {resources: {limits: {cpus: 1}}}", "cpus", 1, id="deploy-cpus"),
        pytest.param("pids_limit: -1", "pids_limit", 8192, id="unlimited-pids"),
        pytest.param("pids_limit: 50", "pids_limit", 50, id="pids"),
        pytest.param("shm_size: 2g", "shm_size", GIB, id="shm-capped"),
        pytest.param("mem_reservation: 9g", "mem_reservation", 2 * GIB, id="reservation-capped"),
        pytest.param("tmpfs: /tmp", "tmpfs", ["/tmp:size=67108864"], id="tmpfs-sized"),  # noqa: S108 - a path in a container
        pytest.param(
            "tmpfs: ['/run:size=10m,mode=1777,exec']",
            "tmpfs",
            ["/run:size=10485760,mode=1777,exec"],
            id="tmpfs-options",
        ),
        pytest.param("stop_grace_period: 1m30s", "stop_grace_period", "90s", id="grace"),
        pytest.param("stop_grace_period: 1h", "stop_grace_period", "120s", id="grace-capped"),
        pytest.param("command: echo 'a b'", "command", ["echo", "a b"], id="command-text"),
        pytest.param("entrypoint: []", "entrypoint", [], id="entrypoint-reset"),
        pytest.param("user: 1000", "user", "1000", id="user-number"),
        pytest.param("hostname: db.local", "hostname", "db.local", id="hostname"),
        pytest.param("stop_signal: SIGINT", "stop_signal", "SIGINT", id="stop-signal"),
        pytest.param(
            "extra_hosts: ['h:198.51.100.7']", "extra_hosts", ["h=198.51.100.7"], id="host"
        ),
        pytest.param("extra_hosts: {h: '::1'}", "extra_hosts", ["h=::1"], id="host-6"),
        pytest.param("dns: 198.51.100.53", "dns", ["198.51.100.53"], id="dns"),
        pytest.param("expose: [80, '90-91/udp']", "expose", ["80", "90-91/udp"], id="expose"),
        pytest.param("network_mode: none", "network_mode", "none", id="no-network"),
        pytest.param("cap_drop: [ALL]", "cap_add", [], id="author-drops-all"),
        pytest.param(
            "cap_drop: [all]\ncap_add: [cap_net_bind_service]",
            "cap_add",
            ["NET_BIND_SERVICE"],
            id="author-keeps-one",
        ),
        pytest.param(
            "sysctls: {net.core.somaxconn: 1024}",
            "sysctls",
            {"net.core.somaxconn": "1024"},
            id="sysctl",
        ),
        pytest.param(
            "ulimits: {nofile: 100000, nproc: {soft: 10, hard: 20}}",
            "ulimits",
            {"nofile": {"soft": 16384, "hard": 16384}, "nproc": {"soft": 10, "hard": 20}},
            id="ulimits",
        ),
        pytest.param("deploy: {replicas: 99}", "deploy", {"replicas": 16}, id="replicas-capped"),
        pytest.param("scale: 2", "deploy", {"replicas": 2}, id="scale"),
    ],
)
def test_what_an_author_asks_for_is_given_within_limits(lines: str, key: str, value: Yaml) -> None:
    assert section(compiled(service(lines)))[key] == value


def test_what_was_changed_is_told() -> None:
    told = notices(compiled(service("mem_limit: 1000g\npids_limit: 0\nrestart: always")))
    assert told["services.app.mem_limit"] == "set to 64g"
    assert told["services.app.pids_limit"] == "set to 8192"


def test_a_notice_about_an_entry_is_named_after_its_list() -> None:
    stack = compiled(service("tmpfs: ['/x:size=1t']"))
    assert [(one.code, one.path) for one in stack.notices] == [
        ("tmpfs", "services.app.tmpfs[0]"),
    ]


def test_partners_get_smaller_shares() -> None:
    app = section(compiled(service("shm_size: 1g"), policy=PARTNER))
    assert app["mem_limit"] == 512 * MIB
    assert app["pids_limit"] == 256
    assert app["shm_size"] == 64 * MIB


def test_only_the_core_may_bring_an_init_of_its_own() -> None:
    assert section(compiled(service("init: false")))["init"] is False
    assert section(compiled(service("init: false"), policy=PARTNER))["init"] is True
    assert compiled(service("init: false")).expected["app"]["init"] is False


def test_partners_cannot_ask_for_what_the_core_can() -> None:
    assert refused(service("cap_add: [SYS_CHROOT]")) == ()
    assert [finding.code for finding in refused(service("cap_add: [SYS_CHROOT]"), policy=PARTNER)]


@pytest.mark.parametrize("policy", [CORE, PARTNER], ids=lambda policy: policy.name)
def test_nobody_writes_packets_by_hand(policy: Policy) -> None:
    granted = policy.granted_capabilities | policy.requestable_capabilities
    assert granted.isdisjoint({"NET_RAW", "NET_ADMIN"})
    found = refused(service("cap_add: [NET_RAW]"), policy=policy)
    assert [finding.code for finding in found] == ["capability"]


def test_an_operator_may_name_a_folder_of_the_instance() -> None:
    policy = dataclasses.replace(CORE, host_paths=("/srv/licences",))
    compose = service("volumes: ['/srv/licences/a:/licence']")
    mounted = compiled(compose, policy=policy).expected["app"]["mounts"]["/licence"]
    assert mounted == {"type": "bind", "source": "/srv/licences/a", "read_only": True}
    assert refused(compose)
    assert refused(service("volumes: ['/srv/licences/../x:/x']"), policy=policy)


# health and restarts


def test_a_health_check_is_quick_while_the_service_starts() -> None:
    check = "healthcheck: {test: [CMD, true], interval: 10s, timeout: 5s, retries: 5}"
    assert section(compiled(service(check)))["healthcheck"] == {
        "test": ["CMD", "true"],
        "interval": "10s",
        "timeout": "5s",
        "retries": 5,
        "start_period": "50s",
        "start_interval": "500ms",
    }


@pytest.mark.parametrize(
    ("written", "key", "value"),
    [
        pytest.param("test: x, interval: 1ms", "interval", "5s", id="storm"),
        pytest.param("test: x, timeout: 5m", "timeout", "60s", id="slow"),
        pytest.param("test: x, start_period: 1h", "start_period", "120s", id="patience-bounded"),
        pytest.param("test: x, start_period: 20s", "start_period", "20s", id="own-period"),
        pytest.param("test: x, interval: 1m", "start_period", "120s", id="added-bounded"),
        pytest.param("test: x, interval: 5s, retries: 1", "start_period", "10s", id="added-least"),
        pytest.param("test: x, start_interval: 2s", "start_interval", "2s", id="own-interval"),
        pytest.param("test: x, retries: 0", "retries", 1, id="retries-least"),
        pytest.param("test: exit 0", "test", ["CMD-SHELL", "exit 0"], id="shell"),
        pytest.param("test: [NONE]", "disable", True, id="none"),
        pytest.param("disable: yes", "disable", True, id="disabled"),
        pytest.param("interval: 7s", "interval", "7s", id="the-image-has-the-test"),
    ],
)
def test_health_checks_keep_within_bounds(written: str, key: str, value: Yaml) -> None:
    check = section(compiled(service(f"healthcheck: {{{written}}}")))["healthcheck"]
    assert isinstance(check, dict)
    assert check[key] == value


@pytest.mark.parametrize(
    ("lines", "restart"),
    [
        pytest.param("restart: always", "unless-stopped", id="always"),
        pytest.param("restart: unless-stopped", "unless-stopped", id="unless-stopped"),
        pytest.param("restart: on-failure", "on-failure:5", id="on-failure"),
        pytest.param("restart: on-failure:99", "on-failure:5", id="on-failure-often"),
        pytest.param("restart: no", "on-failure:5", id="no"),
        pytest.param("restart: false", "on-failure:5", id="switch"),
        pytest.param("tty: true", "on-failure:5", id="may-be-a-task"),
        pytest.param("expose: [80]", "unless-stopped", id="serves"),
        pytest.param("healthcheck: {test: x}", "unless-stopped", id="is-watched"),
        pytest.param("deploy: {restart_policy: {condition: any}}", "unless-stopped", id="deploy"),
        pytest.param(
            "deploy: {restart_policy: {condition: on-failure}}",
            "on-failure:5",
            id="deploy-failure",
        ),
    ],
)
def test_what_serves_comes_back_and_what_ends_stays_ended(lines: str, restart: str) -> None:
    assert section(compiled(service(lines)))["restart"] == restart


def test_a_migration_completes() -> None:
    stack = compiled(
        service("depends_on: {migrate: {condition: service_completed_successfully}}")
        + "  migrate: {image: app:1, restart: always}\n"
    )
    assert section(stack, "migrate")["restart"] == "no"
    assert stack.expected["migrate"]["completes"]
    assert not stack.expected["app"]["completes"]


# routes, tests, networks


def test_routed_services_have_fixed_addresses_on_the_edge() -> None:
    manifest = MANIFEST + (
        "routes:\n  zeta: {stack: core, service: app, port: 80}\n"
        "  alpha: {stack: core, service: web, port: 81}\n"
        "  beta: {stack: core, service: app, port: 82}\n"
    )
    stack = compiled(service() + "  web: {image: x}\n  db: {image: x}\n", manifest=manifest)
    assert stack.upstreams == {
        "zeta": ("10.203.7.10", 80),
        "alpha": ("10.203.7.11", 81),
        "beta": ("10.203.7.10", 82),
    }
    edge = {"ipv4_address": "10.203.7.11"}
    assert section(stack, "web")["networks"] == {"core_default": {}, "edge": edge}
    assert section(stack, "db")["networks"] == {"core_default": {}}
    networks = read_mapping(stack.compose.encode(), "f")["networks"]
    assert isinstance(networks, dict)
    assert networks["edge"] == {
        "name": "gh-acme_edge",
        "driver": "bridge",
        "driver_opts": {"com.docker.network.bridge.name": f"gh-{text_tag('gh-acme_edge')}"},
        "enable_ipv6": False,
        "ipam": {"config": [{"subnet": "10.203.7.0/24", "gateway": "10.203.7.1"}]},
        "labels": {
            "app.guesthouse.environment": "acme",
            "app.guesthouse.partner": "acme",
            "app.guesthouse.product": "sample",
        },
    }


def test_own_networks_keep_their_shape() -> None:
    stack = compiled(
        service("networks: {back: {aliases: [api]}, front: }")
        + "networks: {back: {internal: true}, front: , unused: }\n"
    )
    assert section(stack)["networks"] == {"core_back": {"aliases": ["api"]}, "core_front": {}}
    networks = read_mapping(stack.compose.encode(), "f")["networks"]
    assert isinstance(networks, dict)
    assert set(networks) == {"core_back", "core_front"}
    back = networks["core_back"]
    assert isinstance(back, dict)
    assert back["internal"] is True
    assert back["name"] == "gh-acme_core_back"


def test_every_network_has_an_interface_the_packet_filter_knows() -> None:
    compose = service("networks: {back: , default: }") + "networks: {back: }\n"
    stack = compiled(compose, manifest=ROUTED)
    networks = read_mapping(stack.compose.encode(), "f")["networks"]
    assert isinstance(networks, dict)
    assert set(networks) == {"core_back", "core_default", "edge"}
    names = set(re.findall(r"com\.docker\.network\.bridge\.name: (\S+)\n", stack.compose))
    assert len(names) == 3
    # One more character, and the kernel would refuse it.
    assert all(re.fullmatch("gh-[0-9a-f]{12}", name) for name in names)


def test_published_ports_say_which_route_to_declare() -> None:
    told = notices(compiled(service("ports: ['8080:80']")))
    assert "routes: {app: {stack: core, service: app, port: 80}}" in told["services.app.ports[0]"]
    routed = notices(compiled(service("ports: ['8080:8080', '443:443']"), manifest=ROUTED))
    assert "through its route" in routed["services.app.ports[0]"]
    assert "declare" in routed["services.app.ports[1]"]


def test_a_routed_service_is_one_container() -> None:
    stack = compiled(service("deploy: {replicas: 3}"), manifest=ROUTED)
    assert "deploy" not in section(stack)
    assert "one address" in notices(stack)["services.app.deploy.replicas"]


def test_the_edge_has_room_for_what_is_routed() -> None:
    with pytest.raises(EdgeTooSmall, match="too small"):
        compiled(service(), manifest=ROUTED, changes={"edge_subnet": "10.203.7.0/29"})


TESTED = MANIFEST + "tests: {stack: core, service: checks, junit: /results/junit.xml}\n"


def test_functional_tests_wait_in_a_profile_of_their_own() -> None:
    stack = compiled(
        service()
        + "  checks: {image: x, profiles: [test], depends_on: [app, browser]}\n"
        + "  browser: {image: x, profiles: [test]}\n"
        + "  debug: {image: x, profiles: [debug]}\n",
        manifest=TESTED,
    )
    for name in ("checks", "browser"):
        emitted = section(stack, name)
        assert emitted["profiles"] == ["guesthouse-test"]
        assert emitted["networks"] == {"core_default": {}, "edge": {}}
        assert emitted["restart"] == "no"
    assert set(stack.expected) == {"app"}
    assert "debug" not in stack.images
    assert stack.test_service == "checks"


def test_nothing_else_may_wait_for_the_functional_tests() -> None:
    compose = service("depends_on: [checks]") + "  checks: {image: x}\n"
    assert "runs with the functional tests only" in problem(compose, TESTED)


def test_profiles_are_switched_on_by_the_manifest() -> None:
    manifest = MANIFEST.replace("[compose.yaml]}", "[compose.yaml], profiles: [full]}")
    compose = (
        service() + "  extra: {image: x, profiles: [full]}\n  off: {image: x, profiles: [o]}\n"
    )
    assert set(compiled(compose, manifest=manifest).images) == {"app", "extra"}


@pytest.mark.parametrize(
    ("compose", "manifest", "part"),
    [
        pytest.param(
            service("depends_on: [db]"), MANIFEST, "no service called db", id="dependency"
        ),
        pytest.param(
            service("depends_on: {db: {condition: []}}"), MANIFEST, "one of", id="condition"
        ),
        pytest.param(
            service("volumes: [{target: /x, source: {}}]"), MANIFEST, "no volume", id="source"
        ),
        pytest.param(service("networks: [n]"), MANIFEST, "no such network", id="network"),
        pytest.param(service("volumes: ['v:/x']"), MANIFEST, "no volume called v", id="volume"),
        pytest.param(service("secrets: [s]"), MANIFEST, "nothing called s", id="secret"),
        pytest.param(service("build: ./api"), MANIFEST, "api is no folder", id="context"),
        pytest.param(service("build: ."), MANIFEST, "Dockerfile is not in", id="dockerfile"),
        pytest.param(service("env_file: .env"), MANIFEST, ".env is not in the", id="env-file"),
        pytest.param("services: {app: {tty: true}}", MANIFEST, "needs an image", id="no-image"),
        pytest.param("services: {}", MANIFEST, "no service is switched on", id="no-service"),
        pytest.param(service("links: [db]"), MANIFEST, "no service called db", id="link"),
        pytest.param(service("mem_limit: lots"), MANIFEST, "a size such as", id="size"),
        pytest.param(
            service("healthcheck: {test: x, interval: 5}"), MANIFEST, "a duration", id="time"
        ),
        pytest.param(service('command: "a \'b"'), MANIFEST, "not closed", id="quote"),
        pytest.param(
            service().replace("app:", "apps:", 1), ROUTED, "did you mean apps?", id="route"
        ),
        pytest.param(service(), TESTED, "names checks, which is no service", id="tests"),
        pytest.param(
            service("volumes: ['./nginx.conf:/x:ro']"), MANIFEST, "nginx.conf is not in", id="bind"
        ),
        pytest.param(service('command: "${NONE:?tell me}"'), MANIFEST, "tell me", id="demand"),
        pytest.param(service("network_mode: none"), ROUTED, "is routed", id="routed-alone"),
        pytest.param("a: [", MANIFEST, "is not YAML", id="broken"),
    ],
)
def test_what_is_not_there_is_told_with_its_place(compose: str, manifest: str, part: str) -> None:
    assert part in problem(compose, manifest)


# values


def test_secrets_are_no_part_of_the_canonical_file() -> None:
    stack = compiled(service("environment: {URL: 'db://u:${DATABASE_PASSWORD}@db'}"))
    environment = section(stack)["environment"]
    assert environment == {"URL": "db://u:${GUESTHOUSE_SECRET_DATABASE_PASSWORD}@db"}
    assert SECRET not in stack.compose
    assert stack.env_file is not None
    assert stack.env_file.endswith("/secrets.env")
    assert stack.files[stack.env_file].startswith("GUESTHOUSE_SECRET_DATABASE_PASSWORD=")


def test_no_secret_used_is_no_env_file() -> None:
    stack = compiled(service())
    assert stack.env_file is None
    assert stack.files == {}


def test_a_changed_secret_changes_the_path_of_its_file() -> None:
    compose = service("secrets: [database_password]") + (
        "secrets: {database_password: {file: ./nowhere}}\n"
    )
    before = compiled(compose)
    after = compiled(compose, changes={"secrets": {"DATABASE_PASSWORD": Sensitive("other")}})
    assert list(before.files.values()) == [SECRET]
    assert set(before.files).isdisjoint(after.files)
    assert before.compose != after.compose


def test_environment_values_come_from_files_then_keys_then_the_manifest() -> None:
    files = {"a.env": "A=1\nB=2\nC=${TITLE}\n"}
    stack = compiled(service("env_file: a.env\nenvironment: {B: 3, TITLE: , NONE: }"), files)
    assert section(stack)["environment"] == {"A": "1", "B": "3", "C": "Sample", "TITLE": "Sample"}
    assert "declare it" in notices(stack)["services.app.environment.NONE"]


def test_an_environments_value_goes_over_the_default() -> None:
    compose = service("environment: {T: '${TITLE}'}")
    stack = compiled(compose, changes={"variables": {"TITLE": "Acme's $1"}})
    assert section(stack)["environment"] == {"T": "Acme's $$1"}


def test_values_have_to_fit_the_manifest() -> None:
    manifest = MANIFEST + ""
    with pytest.raises(ValuesInvalid) as raised:
        compiled(
            service(),
            manifest=manifest.replace('EMPTY: {default: ""}', "REGION: "),
            changes={"variables": {"TITEL": "x"}, "secrets": {}},
        )
    assert [str(item) for item in raised.value.problems] == [
        "variables/TITEL: is not a variable of the product (did you mean TITLE?)",
        "variables/REGION: has no default, so it needs a value",
        "secrets/DATABASE_PASSWORD: has no value yet",
    ]


# builds and mounts


def test_a_build_is_named_after_its_content() -> None:
    compose = "services: {app: {image: 'coreproduct/api:1', build: ./api}}\n"
    first = compiled(compose, {"api/Dockerfile": "FROM a\nCOPY . /", "api/x": "1", "README": "1"})
    same = compiled(compose, {"api/Dockerfile": "FROM a\nCOPY . /", "api/x": "1", "README": "2"})
    other = compiled(compose, {"api/Dockerfile": "FROM a\nCOPY . /", "api/x": "2", "README": "1"})
    assert first.images["app"].startswith("gh/acme/app:")
    assert first.images == same.images
    assert first.images != other.images
    assert first.sources == ("api",)
    assert [build.image for build in first.builds] == [first.images["app"]]


def test_build_settings_are_kept() -> None:
    build = """
build:
  context: api
  dockerfile: ../docker/api.Dockerfile
  target: prod
  args: [A=1, TITLE]
  additional_contexts: {lib: ./lib, base: 'service:base'}
  network: none
"""
    files = {"api/x": "", "docker/api.Dockerfile": "FROM a", "lib/y": "", "Dockerfile": "FROM b"}
    stack = compiled(service(build) + "  base: {build: .}\n", files)
    emitted = section(stack)["build"]
    assert isinstance(emitted, dict)
    assert emitted["context"] == "./sources/api"
    assert emitted["dockerfile"] == "../docker/api.Dockerfile"
    assert emitted["target"] == "prod"
    caches = {"BUILDKIT_CACHE_MOUNT_NS": "acme"}
    assert emitted["args"] == {"A": "1", "TITLE": "Sample", **caches}
    assert emitted["additional_contexts"] == {"base": "service:base", "lib": "./sources/lib"}
    assert emitted["network"] == "none"
    assert stack.sources == ("",)


def test_an_image_built_by_one_service_serves_another() -> None:
    compose = (
        "services:\n  web: {build: ., image: shop:latest}\n"
        "  worker: {image: 'shop:latest', command: work}\n"
    )
    stack = compiled(compose, DOCKERFILE)
    assert stack.images["worker"] == stack.images["web"]
    assert section(stack, "worker")["pull_policy"] == "never"
    assert [build.service for build in stack.builds] == ["web"]


def test_build_secrets_are_files_of_the_platform() -> None:
    compose = service("build: {context: ., secrets: [database_password]}") + (
        "secrets: {database_password: {environment: DATABASE_PASSWORD}}\n"
    )
    stack = compiled(compose, DOCKERFILE)
    secrets = read_mapping(stack.compose.encode(), "f")["secrets"]
    assert secrets == {"core_database_password": {"file": f"./{next(iter(stack.files))}"}}


def test_repository_files_are_mounted_as_read_only_copies() -> None:
    files: dict[str, str | bytes] = {"conf/nginx.conf": "x", "site/index.html": b"\xff"}
    stack = compiled(service("volumes: ['./conf/nginx.conf:/n.conf:ro', './site:/site']"), files)
    mounted = stack.expected["app"]["mounts"]
    assert all(mount["read_only"] for mount in mounted.values())
    assert stack.mounts == {
        mounted["/n.conf"]["source"]: "conf/nginx.conf",
        mounted["/site"]["source"]: "site",
    }
    assert notices(stack)["services.app.volumes[0]"] == "mounted as a copy"
    assert "read-only" in notices(stack)["services.app.volumes[1]"]
    assert stack.sources == ("conf/nginx.conf", "site")


def test_an_empty_place_of_the_repository_becomes_a_volume() -> None:
    stack = compiled(service("volumes: ['./data:/data', './keep:/keep']"), {"keep/.gitkeep": ""})
    kinds = {target: mount["type"] for target, mount in stack.expected["app"]["mounts"].items()}
    assert kinds == {"/data": "volume", "/keep": "volume"}
    assert "named volume" in notices(stack)["services.app.volumes[0]"]


def test_clock_files_are_left_out() -> None:
    stack = compiled(service("volumes: ['/etc/localtime:/etc/localtime:ro']"))
    assert stack.expected["app"]["mounts"] == {}
    assert "set TZ" in notices(stack)["services.app.volumes[0]"]


def test_named_volumes_belong_to_environment_and_stack() -> None:
    compose = service("volumes: ['db:/data', '/cache']") + "volumes: {db: {name: mine}, other: }\n"
    stack = compiled(compose)
    volumes = read_mapping(stack.compose.encode(), "f")["volumes"]
    assert isinstance(volumes, dict)
    names = {volume["name"] for volume in volumes.values() if isinstance(volume, dict)}
    assert {"gh-acme_core_db", "gh-acme_core_other"} < names
    assert stack.expected["app"]["mounts"]["/data"]["source"] == "gh-acme_core_db"


@pytest.mark.parametrize(
    ("written", "target", "text"),
    [
        pytest.param("{content: 'a ${TITLE}'}", "/c", "a Sample", id="content"),
        pytest.param("{environment: TITLE}", "/c", "Sample", id="value"),
        pytest.param(
            "{content: 'p=${DATABASE_PASSWORD}'}", "/c", f"p={SECRET}", id="secret-in-it"
        ),
    ],
)
def test_configs_become_files(written: str, target: str, text: str) -> None:
    stack = compiled(service("configs: [c]") + f"configs: {{c: {written}}}\n")
    assert stack.files[stack.expected["app"]["mounts"][target]["source"]] == text


def test_secrets_of_the_repository_are_mounted_with_a_word_of_advice() -> None:
    compose = service("secrets: [{source: tls, target: tls.pem, mode: 0440}]") + (
        "secrets: {tls: {file: ./tls.pem}}\n"
    )
    stack = compiled(compose, {"tls.pem": b"\x00\xff"})
    assert set(stack.mounts.values()) == {"tls.pem"}
    assert "/run/secrets/tls.pem" in stack.expected["app"]["mounts"]
    assert "declare TLS" in notices(stack)["secrets.tls.file"]


def test_a_laptops_folder_full_of_links_is_checked_all_the_same(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_NAME).write_text(MANIFEST)
    (tmp_path / "compose.yaml").write_text(service("build: .\nvolumes: ['./src:/app']"))
    (tmp_path / "Dockerfile").write_text("FROM a\nCOPY . /app\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "python").symlink_to("/usr/bin/python3")
    assert check(FolderTree(tmp_path)).problems == ()


# several stacks


TWO = MANIFEST.replace(
    "{core: {compose: [compose.yaml]}}",
    "{core: {compose: [compose.yaml]}, extra: {compose: [extra/compose.yaml]}}",
)


def test_stacks_share_a_project_and_keep_their_networks_and_volumes_apart() -> None:
    files = {
        "extra/compose.yaml": "services: {job: {image: x, volumes: ['v:/v']}}\nvolumes: {v: }\n"
    }
    stack = compiled(service("volumes: ['v:/v']") + "volumes: {v: }\n", files, manifest=TWO)
    assert stack.expected["app"]["mounts"]["/v"]["source"] == "gh-acme_core_v"
    assert stack.expected["job"]["mounts"]["/v"]["source"] == "gh-acme_extra_v"
    assert section(stack, "job")["networks"] == {"extra_default": {}}


def test_two_stacks_cannot_have_a_service_of_one_name() -> None:
    with pytest.raises(ComposeInvalid, match="rename one of them"):
        compiled(service(), {"extra/compose.yaml": "services: {app: {image: x}}\n"}, manifest=TWO)


# check


def test_a_check_tells_everything_without_a_server() -> None:
    said = report(service("privileged: true\ncontainer_name: x\nenv_file: .env"))
    assert not said.passes
    assert [finding.path for finding in said.findings] == ["services.app.privileged"]
    assert [notice.path for notice in said.notices] == ["services.app.container_name"]
    assert [problem.where for problem in said.problems] == [
        "compose.yaml: services.app.env_file[0]"
    ]


def test_a_check_passes_what_compiles() -> None:
    assert report(service("cpus: 8")).passes
    assert report(service("cpus: 8")).notices == ()
