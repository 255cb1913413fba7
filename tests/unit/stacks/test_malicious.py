"""What an attacker would write, in the spellings that get past a reader who looks at the text.

Each row is refused with the finding it names, or cannot be read, or comes out harmless. It is
tried under both policies: the core policy is looser about sizes, never about the host.
"""

from collections.abc import Mapping

import pytest

from guesthouse.stacks.model import ComposeInvalid, ComposeRefused, Policy
from guesthouse.stacks.policy import CORE, PARTNER
from tests.unit.stacks.products import compiled, notices, section

CANARY = "/etc/shadow"
Files = Mapping[str, str | bytes]


def service(lines: str) -> str:
    """Return a Compose file with one service that has these lines."""
    indented = "\n".join(f"    {line}" for line in lines.strip("\n").splitlines())
    return f"services:\n  app:\n    image: app:1\n{indented}\n"


REFUSED = {
    # The control plane: code or files where the Compose program runs
    "provider": (service("provider: {type: ./canary, options: {a: b}}"), "provider"),
    "provider-by-anchor": (
        "x-p: &p {provider: {type: awesomecloud}}\nservices: {app: {<<: *p}}\n",
        "provider",
    ),
    "models-top": ("models: {m: {model: ai/x}}\n" + service("tty: true"), "models"),
    "models-service": (service("models: [m]"), "models"),
    "jobs": ("jobs: {j: {image: x}}\n" + service("tty: true"), "jobs"),
    "use-api-socket": (service("use_api_socket: true"), "use-api-socket"),
    "use-api-socket-text": (service('use_api_socket: "yes"'), "use-api-socket"),
    "env-file-outside": (service("env_file: ../other/.env"), "env-file"),
    "env-file-absolute": (service("env_file: /proc/self/environ"), "env-file"),
    "env-file-home": (service("env_file: ~/.aws/credentials"), "env-file"),
    "env-file-long": (service("env_file: [{path: /etc/shadow, required: false}]"), "env-file"),
    "env-file-through-value": (service('env_file: "${NONE:-/etc/shadow}"'), "env-file"),
    "label-file": (service("label_file: /etc/shadow"), "env-file"),
    "secret-file-absolute": (
        service("secrets: [s]") + "secrets: {s: {file: /etc/shadow}}\n",
        "secrets-file",
    ),
    "secret-file-outside": (
        service("secrets: [s]") + "secrets: {s: {file: ../../etc/shadow}}\n",
        "secrets-file",
    ),
    "secret-external": (service("secrets: [s]") + "secrets: {s: {external: true}}\n", "external"),
    "secret-driver": (service("secrets: [s]") + "secrets: {s: {driver: vault}}\n", "driver"),
    "config-file-absolute": (
        service("configs: [s]") + "configs: {s: {file: /etc/shadow}}\n",
        "configs-file",
    ),
    "config-external": (service("configs: [s]") + "configs: {s: {external: true}}\n", "external"),
    "image-by-identity": ("services: {app: {image: sha256:0a1b}}\n", "image"),
    "build-context-root": (service("build: /"), "build-context"),
    "build-context-outside": (service("build: ../.."), "build-context"),
    "build-context-hidden-dots": (service("build: ./a/../../b"), "build-context"),
    "build-context-home": (service("build: ~/.ssh"), "build-context"),
    "build-context-http": (service("build: https://198.51.100.1/x.git"), "build-context"),
    "build-context-git": (service("build: git@github.com:a/b.git"), "build-context"),
    "build-context-github": (service("build: github.com/a/b"), "build-context"),
    "build-context-oci": (service("build: oci-layout:///tmp/x"), "build-context"),
    "build-dockerfile-outside": (service("build: {context: ., dockerfile: ../x}"), "dockerfile"),
    "build-dockerfile-absolute": (
        service("build: {context: ., dockerfile: /etc/shadow}"),
        "dockerfile",
    ),
    "build-additional-context": (
        service("build: {context: ., additional_contexts: {h: /etc}}"),
        "build-context",
    ),
    "build-additional-image": (
        service("build: {context: ., additional_contexts: [h=docker-image://x]}"),
        "build-context",
    ),
    "build-ssh": (service("build: {context: ., ssh: [default]}"), "ssh"),
    "build-secret-outside": (
        service("build: {context: ., secrets: [s]}") + "secrets: {s: {file: /etc/shadow}}\n",
        "secrets-file",
    ),
    "build-privileged": (service("build: {context: ., privileged: true}"), "privileged"),
    "build-entitlements": (
        service("build: {context: ., entitlements: [security.insecure]}"),
        "entitlements",
    ),
    "build-network-host": (service("build: {context: ., network: host}"), "build-network"),
    "build-network-container": (
        service('build: {context: ., network: "container:x"}'),
        "build-network",
    ),
    "build-extra-hosts": (
        service("build: {context: ., extra_hosts: [h=host-gateway]}"),
        "extra-hosts",
    ),
    "build-isolation": (service("build: {context: ., isolation: hyperv}"), "isolation"),
    "credential-spec": (service("credential_spec: {file: x}"), "credential-spec"),
    # The instance's kernel, namespaces, devices
    "privileged": (service("privileged: true"), "privileged"),
    "privileged-yes": (service("privileged: yes"), "privileged"),
    "privileged-on": (service('privileged: "on"'), "privileged"),
    "privileged-number": (service("privileged: 1"), "privileged"),
    "privileged-value": (service('privileged: "${NONE:-true}"'), "privileged"),
    "privileged-by-anchor": (
        "x-a: &a {privileged: true}\nservices: {app: {<<: *a, image: x}}\n",
        "privileged",
    ),
    "privileged-by-merge-list": (
        (
            "x-a: &a {tty: true}\nx-b: &b {privileged: true}\n"
            "services: {app: {<<: [*a, *b], image: x}}\n"
        ),
        "privileged",
    ),
    "privileged-by-json": (
        '{"services": {"app": {"image": "x", "privileged": true}}}',
        "privileged",
    ),
    "hook-post-start": (
        service("post_start: [{command: id, privileged: true}]"),
        "post-start",
    ),
    "hook-pre-stop": (service("pre_stop: [{command: id, user: root}]"), "pre-stop"),
    "hook-pre-start": (service("pre_start: [{command: id, image: x}]"), "pre-start"),
    "cap-add-all": (service("cap_add: [ALL]"), "capability"),
    "cap-add-admin": (service("cap_add: [SYS_ADMIN]"), "capability"),
    "cap-add-prefixed": (service("cap_add: [cap_sys_ptrace]"), "capability"),
    "cap-add-module": (service("cap_add: [Sys_Module]"), "capability"),
    "cap-add-net-admin": (service("cap_add: [NET_ADMIN]"), "capability"),
    "cap-add-read-search": (service("cap_add: [DAC_READ_SEARCH]"), "capability"),
    "cap-add-bpf": (service("cap_add: [BPF]"), "capability"),
    "seccomp": (service("security_opt: ['seccomp=unconfined']"), "security-opt"),
    "seccomp-colon": (service("security_opt: ['seccomp:unconfined']"), "security-opt"),
    "apparmor": (service("security_opt: ['apparmor=unconfined']"), "security-opt"),
    "selinux": (service("security_opt: ['label=disable']"), "security-opt"),
    "systempaths": (service("security_opt: ['systempaths=unconfined']"), "security-opt"),
    "new-privileges": (service("security_opt: ['no-new-privileges:false']"), "security-opt"),
    "devices": (service("devices: ['/dev/sda:/dev/sda']"), "devices"),
    "device-rules": (service("device_cgroup_rules: ['a *:* rwm']"), "device-cgroup-rules"),
    "gpus": (service("gpus: all"), "gpus"),
    "device-reservation": (
        service("deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}"),
        "devices",
    ),
    "generic-resources": (
        service("deploy: {resources: {reservations: {generic_resources: [{a: b}]}}}"),
        "generic-resources",
    ),
    "blkio-device": (
        service("blkio_config: {device_read_bps: [{path: /dev/sda, rate: 1}]}"),
        "device-read-bps",
    ),
    "pid-host": (service("pid: host"), "pid"),
    "pid-container": (service('pid: "container:victim"'), "pid"),
    "ipc-host": (service("ipc: host"), "ipc"),
    "ipc-container": (service('ipc: "container:victim"'), "ipc"),
    "uts-host": (service("uts: host"), "uts"),
    "cgroup-host": (service("cgroup: host"), "cgroup"),
    "userns-host": (service("userns_mode: host"), "userns-mode"),
    "network-host": (service("network_mode: host"), "network-mode"),
    "network-host-quoted": (service('network_mode: "host"'), "network-mode"),
    "network-host-value": (service('network_mode: "${NONE:-host}"'), "network-mode"),
    "network-container": (service('network_mode: "container:victim"'), "network-mode"),
    "network-default-bridge": (service("network_mode: bridge"), "network-mode"),
    "annotations": (
        service("annotations: {org.systemd.property.ExecStartPre: id}"),
        "annotations",
    ),
    "sysctl-core-pattern": (service("sysctls: {kernel.core_pattern: '|/x'}"), "sysctl"),
    "sysctl-list": (service("sysctls: ['vm.overcommit_memory=1']"), "sysctl"),
    "oom-score": (service("oom_score_adj: -1000"), "oom-score-adj"),
    "oom-kill": (service("oom_kill_disable: true"), "oom-kill-disable"),
    "real-time": (service("cpu_rt_runtime: 950000"), "cpu-rt-runtime"),
    "ulimit-unknown": (service("ulimits: {rtprio: 99}"), "ulimit"),
    "isolation": (service("isolation: process"), "isolation"),
    # Files and volumes
    "bind-root": (service("volumes: ['/:/host']"), "bind-mount"),
    "bind-root-read-only": (service("volumes: ['/:/host:ro']"), "bind-mount"),
    "bind-outside": (service("volumes: ['../../etc:/x']"), "bind-mount"),
    "bind-hidden-dots": (service("volumes: ['./a/../../../etc:/x']"), "bind-mount"),
    "bind-home": (service("volumes: ['~/.ssh:/x']"), "bind-mount"),
    "bind-long": (
        service("volumes: [{type: bind, source: /etc, target: /x, read_only: true}]"),
        "bind-mount",
    ),
    "bind-dots-in-absolute": (
        service("volumes: ['/usr/share/zoneinfo/../../../etc:/x:ro']"),
        "bind-mount",
    ),
    "bind-value": (service('volumes: ["${NONE:-/etc}:/x"]'), "bind-mount"),
    "bind-propagation": (service("volumes: ['/mnt:/mnt:rshared']"), "bind-mount"),
    "docker-socket": (
        service("volumes: ['/var/run/docker.sock:/var/run/docker.sock']"),
        "docker-socket",
    ),
    "docker-socket-run": (service("volumes: ['/run/docker.sock:/s:ro']"), "docker-socket"),
    "containerd-socket": (
        service("volumes: ['/run/containerd/containerd.sock:/s']"),
        "docker-socket",
    ),
    "volume-bind-options": (
        service("volumes: ['v:/x']")
        + "volumes: {v: {driver_opts: {type: none, o: bind, device: /etc}}}\n",
        "driver-opts",
    ),
    "volume-nfs": (
        service("volumes: ['v:/x']")
        + "volumes: {v: {driver: local, driver_opts: {type: nfs, o: addr=198.51.100.1}}}\n",
        "driver-opts",
    ),
    "volume-options-by-anchor": (
        "x-o: &o {driver_opts: {type: none, o: bind, device: /}}\n"
        + service("volumes: ['v:/x']")
        + "volumes: {v: *o}\n",
        "driver-opts",
    ),
    "volume-options-unused": (
        service("tty: true") + "volumes: {v: {driver_opts: {type: none, o: bind, device: /}}}\n",
        "driver-opts",
    ),
    "volume-plugin": (
        service("volumes: ['v:/x']") + "volumes: {v: {driver: vieux/sshfs}}\n",
        "driver",
    ),
    "volume-external": (
        service("volumes: ['v:/x']") + "volumes: {v: {external: true}}\n",
        "external",
    ),
    "volume-external-name": (
        service("volumes: ['v:/x']") + "volumes: {v: {external: {name: gh-other_core_db}}}\n",
        "external",
    ),
    "volume-npipe": (
        service("volumes: [{type: npipe, source: x, target: /x}]"),
        "mount-type",
    ),
    "volume-cluster": (
        service("volumes: [{type: cluster, source: x, target: /x}]"),
        "mount-type",
    ),
    "volume-image": (
        service("volumes: [{type: image, source: core, target: /x}]"),
        "mount-type",
    ),
    "volume-subpath": (
        service("volumes: [{type: volume, source: v, target: /x, volume: {subpath: ../..}}]")
        + "volumes: {v: }\n",
        "subpath",
    ),
    "volumes-from": (service("volumes_from: ['container:victim']"), "volumes-from"),
    # Networks
    "network-external": (
        service("networks: [n]") + "networks: {n: {external: true}}\n",
        "external",
    ),
    "network-macvlan": (
        service("networks: [n]") + "networks: {n: {driver: macvlan}}\n",
        "driver",
    ),
    "network-host-driver": (
        service("networks: [n]") + "networks: {n: {driver: host}}\n",
        "driver",
    ),
    "network-options": (
        service("networks: [n]")
        + "networks: {n: {driver_opts: {com.docker.network.bridge.name: docker0}}}\n",
        "driver-opts",
    ),
    "network-endpoint-options": (
        service("networks: {default: {driver_opts: {a: b}}}"),
        "driver-opts",
    ),
    "external-links": (service("external_links: [victim:db]"), "external-links"),
    "extra-hosts-gateway": (service("extra_hosts: ['h:host-gateway']"), "extra-hosts"),
    "extra-hosts-mapping": (service("extra_hosts: {h: host-gateway}"), "extra-hosts"),
    "dns-loopback": (service("dns: 127.0.0.1"), "dns"),
    "dns-link-local": (service("dns: [169.254.169.254]"), "dns"),
    # Shared names
    "image-of-another": ("services: {app: {image: 'gh/other/api:1'}}\n", "image"),
    "image-of-another-in-full": (
        "services: {app: {image: 'docker.io/gh/other/api:1'}}\n",
        "image",
    ),
    "image-by-id": ("services: {app: {image: '1b8692ae32d7'}}\n", "image"),
    "subpath-by-secret": (
        service(
            "volumes: [{type: volume, source: v, target: /x,"
            " volume: {subpath: '${DATABASE_PASSWORD}'}}]"
        )
        + "volumes: {v: }\n",
        "subpath",
    ),
    # Unknown
    "unknown-service-key": (service("launch_missiles: true"), "unknown-key"),
    "unknown-top-key": ("missiles: {}\n" + service("tty: true"), "unknown-key"),
    "unknown-build-key": (service("build: {context: ., launch: 1}"), "unknown-key"),
    "unknown-deploy-key": (service("deploy: {launch: 1}"), "unknown-key"),
    "unknown-network-key": (service("tty: true") + "networks: {n: {launch: 1}}\n", "unknown-key"),
    "misspelt-key": (service("enviroment: {A: b}"), "unknown-key"),
}

UNREADABLE: dict[str, tuple[str, str]] = {
    "multi-document": (service("tty: true") + "---\n" + service("privileged: true"), "document"),
    "reset-tag": (service("cap_drop: !reset []"), "!reset"),
    "override-tag": (service("ports: !override []"), "!override"),
    "duplicate-key": (service("privileged: false\nprivileged: true"), "stands twice"),
    "duplicate-service": ("services: {app: {image: a}, app: {image: b}}", "stands twice"),
    "include-absolute": ("include: [/etc/shadow]\n" + service("tty: true"), "outside"),
    "include-outside": ("include: [../x.yaml]\n" + service("tty: true"), "outside"),
    "include-git": (
        "include: ['https://github.com/a/b.git']\n" + service("tty: true"),
        "outside",
    ),
    "include-oci": ("include: ['oci://x/y']\n" + service("tty: true"), "outside"),
    "include-project-outside": (
        "include: [{path: compose.yaml, project_directory: /etc}]\n" + service("tty: true"),
        "outside",
    ),
    "include-itself": ("include: [compose.yaml]\n" + service("tty: true"), "circle"),
    "extends-absolute": (service("extends: {file: /etc/shadow, service: x}"), "outside"),
    "extends-outside": (service("extends: {file: ../../x.yaml, service: x}"), "outside"),
    "extends-circle": (service("extends: app"), "circle"),
    "secret-from-environment": (
        service("secrets: [s]") + "secrets: {s: {environment: HOME}}\n",
        "not declared",
    ),
    "mount-over-proc": (service("tmpfs: /proc"), "absolute path"),
    "mount-over-root": (service("volumes: ['v:/']") + "volumes: {v: }\n", "absolute path"),
    "mount-over-proc-slashes": (service("tmpfs: //proc"), "absolute path"),
    "mount-over-proc-dots": (
        service("volumes: ['v:/x/../proc']") + "volumes: {v: }\n",
        "absolute",
    ),
    "mount-target-by-secret": (service("tmpfs: '/x${DATABASE_PASSWORD}'"), "absolute path"),
    "secret-named-as-path": (
        service("secrets: ['../../x']") + "secrets: {'../../x': {environment: TITLE}}\n",
        "should be named with letters",
    ),
    "service-named-as-option": ("services: {'--x': {image: x}}\n", "should be named with"),
    "too-many-services": (
        "services:\n" + "".join(f"  s{n}: {{image: x}}\n" for n in range(201)),
        "more than 200 services",
    ),
    "port-range-huge": (service("ports: ['1-99999:1-99999']"), "port or a range"),
    "image-with-options": ("services: {app: {image: '--privileged x'}}", "no image name"),
    "service-not-a-mapping": ("services: {app: 5}", "mapping"),
    "services-a-list": ("services: [a]", "mapping"),
}

HARMLESS: dict[str, tuple[str, tuple[str, ...]]] = {
    "privileged-false": (service("privileged: false"), ("privileged",)),
    "project-name": ("name: gh-other\n" + service("tty: true"), ("gh-other",)),
    "container-name": (service("container_name: gh-other-api-1"), ("gh-other",)),
    "ports": (service("ports: ['443:443', '0.0.0.0:80:80']"), ("published", "ports:")),
    "ports-host-mode": (
        service("ports: [{target: 80, published: 80, mode: host}]"),
        ("published", "mode"),
    ),
    "cgroup-parent": (service("cgroup_parent: /"), ("cgroup_parent",)),
    "runtime": (service("runtime: io.containerd.runc.v2"), ("runtime",)),
    "logging-syslog": (
        service("logging: {driver: syslog, options: {syslog-address: 'tcp://127.0.0.1:9555'}}"),
        ("syslog", "9555"),
    ),
    "logging-none": (service("logging: {driver: none}"), ("none",)),
    "storage-opt": (service("storage_opt: {size: 500G}"), ("500G",)),
    "mac-address": (service("mac_address: 02:42:ac:11:00:02"), ("02:42",)),
    "volume-name": (
        service("volumes: ['v:/x']") + "volumes: {v: {name: gh-other_core_db}}\n",
        ("gh-other",),
    ),
    "network-name": (
        service("networks: [n]") + "networks: {n: {name: gh-other_core_default}}\n",
        ("gh-other",),
    ),
    "network-subnet": (
        service("networks: [n]")
        + "networks: {n: {ipam: {config: [{subnet: 198.51.100.0/24}]}}}\n",
        ("198.51.100",),
    ),
    "network-ipv6": (
        service("networks: [n]") + "networks: {n: {enable_ipv6: true}}\n",
        ("enable_ipv6: true",),
    ),
    "fixed-address": (
        service("networks: {n: {ipv4_address: 198.51.100.9}}") + "networks: {n: }\n",
        ("198.51.100",),
    ),
    "label-spoof": (
        service("labels: {com.docker.compose.project: other, app.guesthouse.environment: other}"),
        ("other",),
    ),
    "label-orders": (
        service("labels: ['traefik.enable=true', 'Ofelia.job-exec.x.command=id']"),
        ("traefik", "felia"),
    ),
    "network-label-spoof": (
        service("networks: [n]") + "networks: {n: {labels: {com.docker.compose.project: o}}}\n",
        ("com.docker.compose",),
    ),
    "build-tags": (
        service(
            "build: {context: ., tags: ['coreproduct/api:1.0'], cache_to: ['type=local,dest=/x']}"
        ),
        ("coreproduct", "dest="),
    ),
    "image-and-build": (
        "services: {app: {image: 'coreproduct/api:1.0', build: .}}\n",
        ("coreproduct",),
    ),
    "pull-policy": (service("pull_policy: build"), ("pull_policy",)),
    "develop": (
        service("develop: {watch: [{path: /etc, action: sync+exec, target: /x}]}"),
        ("/etc", "watch"),
    ),
    "valueless-environment": (service("environment: [HOME, PATH]"), ("HOME", "PATH")),
    "undeclared-value": (service('command: "echo ${HOME}"'), ("HOME",)),
    "health-storm": (
        service("healthcheck: {test: 'true', interval: 1ms, start_interval: 1ms}"),
        ('"1ms"',),
    ),
    "grace-forever": (service("stop_grace_period: 24h"), ("86400",)),
    "escaped-secret-reference": (
        service('command: ["$${GUESTHOUSE_SECRET_DATABASE_PASSWORD}"]'),
        (' "${GUESTHOUSE',),
    ),
    "swap": (service("mem_limit: 64m\nmemswap_limit: -1"), ("-1",)),
    "x-keys": ("x-evil: {privileged: true}\n" + service("x-more: {pid: host}"), ("evil", "pid:")),
}

FILES: Files = {"Dockerfile": "FROM scratch\n", "a/x": ""}
POLICIES = pytest.mark.parametrize("policy", [CORE, PARTNER], ids=["core", "partner"])


@POLICIES
@pytest.mark.parametrize("row", REFUSED)
def test_what_could_hurt_is_refused_and_explained(row: str, policy: Policy) -> None:
    compose, code = REFUSED[row]
    with pytest.raises(ComposeRefused) as refusal:
        compiled(compose, FILES, policy=policy)
    found = {finding.code: finding for finding in refusal.value.findings}
    assert code in found
    assert found[code].why
    assert found[code].instead
    assert found[code].path


@POLICIES
@pytest.mark.parametrize("row", UNREADABLE)
def test_what_two_readers_could_read_differently_is_not_read(row: str, policy: Policy) -> None:
    compose, part = UNREADABLE[row]
    with pytest.raises(ComposeInvalid) as refusal:
        compiled(compose, FILES, policy=policy)
    assert part in " ".join(map(str, refusal.value.problems))


@POLICIES
@pytest.mark.parametrize("row", HARMLESS)
def test_what_is_rewritten_comes_out_harmless(row: str, policy: Policy) -> None:
    compose, absent = HARMLESS[row]
    text = compiled(compose, FILES, policy=policy).compose
    assert [part for part in absent if part in text.replace("app.guesthouse.", "")] == []


@pytest.mark.parametrize("row", ["a.yaml", "deep/b.yaml"])
def test_included_files_are_held_to_the_same_rules(row: str) -> None:
    evil = "services: {evil: {image: x, pid: host}}\n"
    with pytest.raises(ComposeRefused, match=r"services\.evil\.pid"):
        compiled(f"include: [{row}]\n" + service("tty: true"), {row: evil})


def test_extended_services_are_held_to_the_same_rules() -> None:
    base = "services: {base: {privileged: true}}\n"
    with pytest.raises(ComposeRefused, match=r"services\.app\.privileged"):
        compiled(service("extends: {file: base/c.yaml, service: base}"), {"base/c.yaml": base})


def test_a_later_file_cannot_loosen_an_earlier_one() -> None:
    manifest = "product: p\ntitle: P\nstacks: {core: {compose: [compose.yaml, b.yaml]}}\n"
    with pytest.raises(ComposeRefused, match="privileged"):
        compiled(
            service("privileged: false"),
            {"b.yaml": "services: {app: {privileged: true}}\n"},
            manifest=manifest,
        )


def test_a_service_that_is_off_is_judged_all_the_same() -> None:
    with pytest.raises(ComposeRefused, match=r"services\.evil"):
        compiled(service("tty: true") + "  evil: {image: x, profiles: [off], privileged: true}\n")


def test_everything_is_told_at_once() -> None:
    with pytest.raises(ComposeRefused) as refusal:
        compiled(service("privileged: true\npid: host\nnetwork_mode: host\nmem_limit: lots"))
    codes = {finding.code for finding in refusal.value.findings}
    assert codes == {"privileged", "pid", "network-mode"}
    assert len(refusal.value.problems) == len(codes) + 1


def test_a_repositorys_env_file_for_compose_is_not_read() -> None:
    files = {".env": "TITLE=stolen\nCOMPOSE_PROFILES=x\nNONE=stolen\n"}
    stack = compiled(service('command: ["${TITLE}", "${NONE}"]'), files)
    assert section(stack)["command"] == ["Sample", ""]
    assert "declare NONE" in notices(stack)["services.app.command[1]"]


def test_a_secret_never_reaches_a_place_that_names_things() -> None:
    with pytest.raises(ComposeInvalid, match="no image name") as refusal:
        compiled("services: {app: {image: 'x:${DATABASE_PASSWORD}'}}\n")
    assert "${DATABASE_PASSWORD}" in str(refusal.value)
    assert "s3cret" not in str(refusal.value)
