"""The two policies, as data."""

from guesthouse.stacks.model import Policy

MIB = 2**20
GIB = 2**30
SWITCH_USER = frozenset(
    {"CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"}
)
SAFE_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
CORE = Policy(
    name="core",
    granted_capabilities=SWITCH_USER,
    requestable_capabilities=SWITCH_USER
    # Not NET_RAW: who writes packets by hand writes any sender's address on them.
    | {"AUDIT_WRITE", "FSETID", "IPC_LOCK", "SETFCAP", "SETPCAP", "SYS_CHROOT", "SYS_NICE"},
    host_paths=(),
    sysctls=SAFE_SYSCTLS | {"net.core.somaxconn"},
    memory_bytes=2 * GIB,
    memory_bytes_most=64 * GIB,
    pids=1024,
    pids_most=8192,
    may_skip_init=True,
    may_download_in_builds=True,
    shm_bytes_most=GIB,
    tmpfs_bytes_most=GIB,
    replicas_most=16,
)
"""The company's own product: trusted to size itself, still without a way to the host."""
PARTNER = Policy(
    name="partner",
    granted_capabilities=SWITCH_USER,
    requestable_capabilities=SWITCH_USER,
    host_paths=(),
    sysctls=SAFE_SYSCTLS,
    memory_bytes=512 * MIB,
    memory_bytes_most=4 * GIB,
    pids=256,
    pids_most=512,
    may_skip_init=False,
    may_download_in_builds=False,
    shm_bytes_most=64 * MIB,
    tmpfs_bytes_most=256 * MIB,
    replicas_most=4,
)
"""Code of others: assumed competent and hostile."""
POLICIES = (CORE, PARTNER)
