"""What a deployment does when nothing is wrong."""

from pathlib import Path

import pytest

from guesthouse.kit import process
from tests.integration.stack.box import (
    BASE_IMAGE,
    FOREVER,
    LIMIT,
    Box,
    bundle,
    docker,
    healthy_when,
    playbook,
    playbook_environment,
    says,
    service,
    shell,
)

MEGABYTE = 1024 * 1024
pytestmark = pytest.mark.docker


def test_services_come_up_in_order_and_the_answer_names_them(box: Box) -> None:
    chain = {
        "database": service(
            shell("echo ready > /results/ok; exec sleep 1000"),
            healthcheck=healthy_when("test", "-e", "/results/ok"),
        ),
        "migration": service(
            ["true"], restart="no", depends_on={"database": {"condition": "service_healthy"}}
        ),
        "web": service(
            FOREVER,
            depends_on={"migration": {"condition": "service_completed_successfully"}},
        ),
    }
    wish = box.deployment(chain)
    wish["expected"]["migration"]["completes"] = True
    answer = box.call(wish)
    assert answer["failure"] is None
    assert answer["changed"] is True
    assert set(answer["containers"]) == set(answer["digests"]) == {"database", "migration", "web"}
    assert all(digest.startswith("sha256:") for digest in answer["digests"].values())
    assert {"receive", "up", "verify", "switch"} <= set(answer["timings"])
    assert answer["versions"]["compose"].startswith("2.")
    assert answer["log_bytes"] == box.last_log.stat().st_size
    assert "Container" in box.log()


def test_second_deployment_of_the_same_touches_nothing(box: Box) -> None:
    services = {"web": service(FOREVER)}
    first = box.deploy(services)
    second = box.deploy(services)
    assert second["changed"] is False
    assert second["failure"] is None
    assert second["containers"] == first["containers"]
    assert second["digests"] == first["digests"]
    assert "Starting containers" not in box.log()


def test_stopped_container_is_started_again(box: Box) -> None:
    services = {"web": service(FOREVER)}
    first = box.deploy(services)
    docker("stop", "--time", "1", *first["containers"]["web"])
    second = box.deploy(services)
    assert (second["failure"], second["changed"]) == (None, True)
    assert box.command_of("web")


def test_only_the_changed_service_is_made_anew(box: Box) -> None:
    files = {"files/aaa/config": "one"}
    mounted = {"configs": {"config": {"file": "./files/aaa/config"}}}
    kept = service(FOREVER, configs=[{"source": "config", "target": "/etc/config"}])
    first = box.deploy({"kept": kept, "web": service(["sleep", "1000"])}, top=mounted, files=files)
    second = box.deploy(
        {"kept": kept, "web": service(["sleep", "1001"])}, top=mounted, files=files
    )
    assert second["failure"] is None
    assert second["containers"]["kept"] == first["containers"]["kept"]
    assert second["containers"]["web"] != first["containers"]["web"]


def test_mounted_files_are_readable_by_users_in_the_container_only(box: Box) -> None:
    answer = box.deploy(
        {
            "web": service(
                shell('test "$(cat /etc/config)" = hello && exec sleep 1000'),
                user="1000:1000",
                configs=[{"source": "config", "target": "/etc/config"}],
            )
        },
        top={"configs": {"config": {"file": "./files/aaa/config"}}},
        files={"files/aaa/config": "hello", "files/bbb/env": "GUESTHOUSE_SECRET_A=x\n"},
        env_file="files/bbb/env",
    )
    assert answer["failure"] is None
    modes = {
        path: oct((box.root / path).stat().st_mode & 0o777)
        for path in (".", "files/aaa/config", "files/bbb/env", "current/compose.yaml")
    }
    assert modes == {
        ".": "0o700",
        "files/aaa/config": "0o644",
        "files/bbb/env": "0o600",
        "current/compose.yaml": "0o600",
    }


def test_values_come_from_the_env_file_and_never_from_a_dot_env(box: Box) -> None:
    answer = box.deploy(
        {
            "web": service(
                ["sh", "-c", 'test "$$A$$B" = right && exec sleep 1000'],
                environment={"A": "${GUESTHOUSE_SECRET_A}", "B": "${STRAY:-}"},
            )
        },
        bundle=str(bundle(box.directory / "b.tar", {".env": "STRAY=wrong\n"})),
        files={"files/a/env": "GUESTHOUSE_SECRET_A=right\n"},
        env_file="files/a/env",
    )
    assert answer["failure"] is None


def test_everything_the_platform_emits_is_recognised_in_what_runs(box: Box) -> None:
    web = service(
        FOREVER,
        cap_add=["CHOWN", "SETUID"],
        mem_limit=64 * MEGABYTE,
        memswap_limit=64 * MEGABYTE,
        pids_limit=100,
        cpus=0.5,
        read_only=True,
        tmpfs=["/scratch:size=1m"],
        ulimits={"nofile": 1024},
        networks={"edge": {"ipv4_address": "10.231.78.10"}},
        healthcheck=healthy_when("true"),
        volumes=[
            {"type": "volume", "source": "data", "target": "/data"},
            {"type": "bind", "source": "./files/a/b", "target": "/b", "read_only": True},
        ],
        deploy={"replicas": 1},
    )
    edge = {"name": f"{box.project}_edge", "ipam": {"config": [{"subnet": "10.231.78.0/24"}]}}
    wish = box.deployment(
        {"web": web},
        top={"networks": {"edge": edge}, "volumes": {"data": {"name": f"{box.project}_data"}}},
        files={"files/a/b": "x"},
    )
    wish["expected"]["web"] = {
        "cap_add": ["CHOWN", "SETUID"],
        "cap_drop": ["ALL"],
        "memory_bytes": 64 * MEGABYTE,
        "memory_swap_bytes": 64 * MEGABYTE,
        "pids": 100,
        "nano_cpus": 500_000_000,
        "read_only": True,
        "networks": [f"{box.project}_edge"],
        "mounts": {
            "/b": {"type": "bind", "source": "files/a/b", "read_only": True},
            "/data": {"type": "volume", "source": f"{box.project}_data", "read_only": False},
            "/scratch": {"type": "tmpfs", "source": "", "read_only": False},
        },
        "replicas": 1,
        "completes": False,
        "has_health_check": True,
    }
    assert box.call(wish)["failure"] is None


def test_image_is_built_from_the_bundle_and_its_output_is_in_the_log(box: Box) -> None:
    image = f"gh/{box.project}/web:aaa"
    sources = {"app/Dockerfile": "FROM gh-stack-tests-base:1\nRUN echo a-line-of-the-build\n"}
    web = service(FOREVER, image=image, build={"context": "sources/app"})
    answer = box.deploy({"web": web}, bundle=str(bundle(box.directory / "b.tar", sources)))
    assert answer["failure"] is None
    assert "a-line-of-the-build" in box.log()
    assert answer["digests"]["web"] == docker("image", "inspect", "--format", "{{.Id}}", image)
    assert answer["timings"]["build"] > 0


def test_folder_of_the_sources_is_mounted_where_containers_can_keep_it(box: Box) -> None:
    mount = {"type": "bind", "source": "./mounts/aaa/pages", "target": "/pages", "read_only": True}
    wish = box.deployment(
        {"web": service(shell("cat /pages/index && exec sleep 1000"), volumes=[mount])},
        bundle=str(bundle(box.directory / "b.tar", {"web/pages/index": "hello"})),
        mounts={"mounts/aaa/pages": "web/pages"},
    )
    wish["expected"]["web"]["mounts"] = {
        "/pages": {"type": "bind", "source": "mounts/aaa/pages", "read_only": True}
    }
    answer = box.call(wish)
    assert answer["failure"] is None


async def test_log_grows_while_the_module_works(box: Box) -> None:
    sources = {"Dockerfile": "FROM gh-stack-tests-base:1\nRUN echo early-line; sleep 2\n"}
    web = service(FOREVER, image=f"gh/{box.project}/web:bbb", build={"context": "sources"})
    child = await box.start(
        box.deployment({"web": web}, bundle=str(bundle(box.directory / "b.tar", sources)))
    )
    await says(box.last_log, "early-line")
    assert child.returncode is None
    await child.communicate()


def test_removed_service_is_gone_and_old_versions_are_tidied(box: Box) -> None:
    for count in range(3):
        names = ("web", "extra") if count == 0 else ("web",)
        command = ["sleep", str(1000 + count)]
        answer = box.deploy(
            {name: service(command) for name in names},
            files={f"files/tag{count}/note": "x"},
        )
        assert answer["failure"] is None
    assert len(box.containers()) == 1
    assert len(list((box.root / "versions").iterdir())) == 2
    assert {p.name for p in (box.root / "files").iterdir()} == {"tag1", "tag2"}


def test_status_tells_what_runs_and_leaves_no_trace(box: Box) -> None:
    empty = box.call(box.action("status"))
    assert (empty["services"], empty["run"]) == ({}, None)
    assert not box.root.exists()
    box.deploy({"web": service(FOREVER, healthcheck=healthy_when("true"))})
    answer = box.call(box.action("status"))
    assert answer["run"] == "run-1"
    assert answer["services"]["web"]["state"] == "running"
    assert answer["services"]["web"]["health"] == "healthy"
    assert answer["services"]["web"]["restarts"] == 0


def test_destroy_leaves_nothing_and_may_be_repeated(box: Box) -> None:
    image = f"gh/{box.project}/web:aaa"
    site = box.directory / "sites" / "acme.conf"
    build = {"context": "sources"}
    web = service(
        FOREVER, image=image, build=build, volumes=["data:/data"], networks={"default": {}}
    )
    box.deploy(
        {"web": web},
        top={"volumes": {"data": {}}},
        bundle=str(
            bundle(
                box.directory / "b.tar", {"Dockerfile": "FROM gh-stack-tests-base:1\nENV A=1\n"}
            )
        ),
        gateway={"site": str(site), "text": "server {}", "check": ["true"], "reload": ["true"]},
    )
    answer = box.call(box.action("destroy"))
    assert answer["failure"] is None
    kinds = {line.split()[0] for line in answer["removed"]}
    assert kinds == {"site", "container", "network", "volume", "image", "directory"}
    assert not box.root.exists()
    assert not site.exists()
    again = box.call(box.action("destroy"))
    assert (again["failure"], again["removed"], again["changed"]) == (None, [], False)


def test_real_playbook_deploys_in_one_task(box: Box, tmp_path: Path) -> None:
    secret = "a-secret-nobody-prints"  # noqa: S105 - of nobody
    sources = {"Dockerfile": f"FROM {BASE_IMAGE}\nENV A=1\n"}
    image = f"gh/{box.project}/web:playbook"
    wish = box.deployment(
        {"web": service(FOREVER, image=image, build={"context": "sources"})},
        bundle=str(bundle(box.directory / "b.tar", sources)),
        files={"files/a/env": f"GUESTHOUSE_SECRET_A={secret}\n"},
        env_file="files/a/env",
    )
    done = process.run(playbook(tmp_path, wish), limit=LIMIT, env=playbook_environment(tmp_path))
    text = done.output + done.errors
    assert done.ok, text
    assert text.count("TASK [") == 1
    copied = (tmp_path / "copied").read_text().split()
    assert any(place.endswith("/bundle.tar") for place in copied)
    assert not any(Path(place).exists() for place in copied)
    assert secret not in text
    assert "WARNING" not in text
    assert box.command_of("web")
