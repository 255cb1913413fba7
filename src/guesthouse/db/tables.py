"""Every table, as SQLAlchemy Core sees it; migrations bring a database here."""

import datetime as dt

import sqlalchemy as sa
from typing_extensions import override

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcTime(sa.TypeDecorator[dt.datetime]):
    """An aware time in UTC; SQLite would give it back without its zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    @override
    def process_bind_param(
        self, value: dt.datetime | None, dialect: sa.Dialect
    ) -> dt.datetime | None:
        return None if value is None else value.astimezone(dt.UTC)

    @override
    def process_result_value(
        self, value: dt.datetime | None, dialect: sa.Dialect
    ) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


metadata = sa.MetaData(naming_convention=NAMES)

partners = sa.Table(
    "partners",
    metadata,
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("desired", sa.JSON, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    # Nobody of it is let in from then on; the row stays until the partner is readmitted.
    sa.Column("offboarded_at", UtcTime, nullable=True),
)

products = sa.Table(
    "products",
    metadata,
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("desired", sa.JSON, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
)

instances = sa.Table(
    "instances",
    metadata,
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("provider", sa.String(63), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("address", sa.String(255), nullable=True),
    sa.Column("fingerprint", sa.String(64), nullable=True),
    sa.Column("desired", sa.JSON, nullable=False),
    sa.Column("facts", sa.JSON(none_as_null=True), nullable=True),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
)

environments = sa.Table(
    "environments",
    metadata,
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("partner", sa.ForeignKey("partners.name"), nullable=False, index=True),
    sa.Column("product", sa.ForeignKey("products.name"), nullable=False),
    sa.Column("instance", sa.ForeignKey("instances.name"), nullable=True, index=True),
    sa.Column("phase", sa.String(20), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("desired", sa.JSON, nullable=False),
    sa.Column("subnet_index", sa.Integer, nullable=True),
    sa.Column("lock", sa.JSON(none_as_null=True), nullable=True),
    sa.Column("current_commit", sa.String(64), nullable=True),
    sa.Column("current_run", sa.String(40), nullable=True),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.UniqueConstraint("instance", "subnet_index"),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("kind", sa.String(63), nullable=False),
    # No foreign keys: a run's history outlives what it worked on.
    sa.Column("environment", sa.String(63), nullable=True),
    sa.Column("partner", sa.String(63), nullable=True),
    sa.Column("actor", sa.String(63), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("worker", sa.String(63), nullable=True),
    sa.Column("cancel_requested", sa.Boolean, nullable=False),
    sa.Column("log_lines", sa.Integer, nullable=False),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("next_step", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("error_kind", sa.String(20), nullable=True),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("started_at", UtcTime, nullable=True),
    sa.Column("ended_at", UtcTime, nullable=True),
    sa.Index("ix_runs_environment_id", "environment", "id"),
    sa.Index("ix_runs_partner_id", "partner", "id"),
    sa.Index("ix_runs_state", "state"),
    # The database itself keeps two runs of one environment from running at a time.
    sa.Index(
        "uq_runs_running_environment",
        "environment",
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    ),
)

run_steps = sa.Table(
    "run_steps",
    metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(63), nullable=False),
    sa.Column("idempotent", sa.Boolean, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("starts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
    sa.Column("started_at", UtcTime, nullable=True),
    sa.Column("ended_at", UtcTime, nullable=True),
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("name", sa.String(63), primary_key=True),
    # By the database's clock, in seconds since 1970, so that workers need not agree on the time.
    sa.Column("lease_until", sa.Float, nullable=False),
)

run_log_chunks = sa.Table(
    "run_log_chunks",
    metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("first", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("last", sa.Integer, nullable=False),
    sa.Column("compressed", sa.Boolean, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

audit_entries = sa.Table(
    "audit_entries",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    # Text, because the hash is taken over exactly these characters.
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("actor", sa.String(63), nullable=False),
    sa.Column("actor_kind", sa.String(20), nullable=False),
    sa.Column("action", sa.String(63), nullable=False, index=True),
    sa.Column("object", sa.String(255), nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("partner", sa.String(63), nullable=True),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    # A page of a list narrowed to one of them is read in its order, however many rows there are.
    sa.Index("ix_audit_entries_actor_sequence", "actor", "sequence"),
    sa.Index("ix_audit_entries_partner_sequence", "partner", "sequence"),
    sa.Index("ix_audit_entries_object_sequence", "object", "sequence"),
)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("name", sa.String(63), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("actor", sa.String(63), nullable=False),
    sa.Column("actor_kind", sa.String(20), nullable=False),
    sa.Column("partners", sa.JSON(none_as_null=True), nullable=True),
    # No foreign key: what was revoked is remembered after its environment is gone.
    sa.Column("environment", sa.String(63), nullable=True, index=True),
    # Empty for the machine's own tokens and those of tests.
    sa.Column("account", sa.ForeignKey("accounts.id"), nullable=True, index=True),
    sa.Column("scopes", sa.JSON(none_as_null=True), nullable=True),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=True),
    sa.Column("revoked_at", UtcTime, nullable=True),
    sa.Column("last_used_at", UtcTime, nullable=True),
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("login", sa.String(63), nullable=False, unique=True),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("password_hash", sa.String(255), nullable=True),
    sa.Column("totp_sealed", sa.LargeBinary, nullable=True),
    # The secret of an authenticator that has not shown a code yet.
    sa.Column("totp_pending", sa.LargeBinary, nullable=True),
    # The last step a code was taken for; it and those before it are spent.
    sa.Column("totp_step", sa.BigInteger, nullable=True),
    sa.Column("is_declared", sa.Boolean, nullable=False),
    sa.Column("disabled_at", UtcTime, nullable=True),
    sa.Column("created_at", UtcTime, nullable=False),
)

memberships = sa.Table(
    "memberships",
    metadata,
    sa.Column("account", sa.ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("partner", sa.ForeignKey("partners.name", ondelete="CASCADE"), primary_key=True),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("origin", sa.String(20), nullable=False),
    sa.Index("ix_memberships_partner", "partner"),
)

recovery_codes = sa.Table(
    "recovery_codes",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column(
        "account", sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("used_at", UtcTime, nullable=True),
)

identities = sa.Table(
    "identities",
    metadata,
    sa.Column("issuer", sa.String(255), primary_key=True),
    sa.Column("subject", sa.String(255), primary_key=True),
    sa.Column(
        "account", sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True
    ),
)

invitations = sa.Table(
    "invitations",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("login", sa.String(63), nullable=False, index=True),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column(
        "partner", sa.ForeignKey("partners.name", ondelete="CASCADE"), nullable=True, index=True
    ),
    sa.Column("role", sa.String(20), nullable=True),
    # The declared account whose first password it may set; empty where it makes one.
    sa.Column("account", sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=True),
    sa.Column("invited_by", sa.String(63), nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Column("used_at", UtcTime, nullable=True),
    sa.Column("revoked_at", UtcTime, nullable=True),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column(
        "account", sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("door", sa.String(20), nullable=False),
    sa.Column("address", sa.String(63), nullable=False),
    sa.Column("agent", sa.String(200), nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("seen_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Column("revoked_at", UtcTime, nullable=True),
)

half_sign_ins = sa.Table(
    "half_sign_ins",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("account", sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
)

gateway_codes = sa.Table(
    "gateway_codes",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("session", sa.ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    sa.Column("environment", sa.String(63), nullable=False),
    sa.Column("route", sa.String(63), nullable=False),
    sa.Column("state_digest", sa.String(64), nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Column("used_at", UtcTime, nullable=True),
)

gateway_sessions = sa.Table(
    "gateway_sessions",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column(
        "session", sa.ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("environment", sa.String(63), nullable=False),
    sa.Column("route", sa.String(63), nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
)

device_logins = sa.Table(
    "device_logins",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("user_code", sa.String(20), nullable=False, unique=True),
    sa.Column("client", sa.String(63), nullable=False),
    sa.Column("address", sa.String(64), nullable=True),
    sa.Column("scopes", sa.JSON(none_as_null=True), nullable=True),
    sa.Column("account", sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=True),
    sa.Column("state", sa.String(20), nullable=False),
    # Grows by five seconds each time a program asks too soon.
    sa.Column("interval_seconds", sa.Integer, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Column("polled_at", UtcTime, nullable=True),
)

oidc_attempts = sa.Table(
    "oidc_attempts",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("browser_digest", sa.String(64), nullable=False),
    sa.Column("nonce", sa.String(128), nullable=False),
    sa.Column("verifier", sa.LargeBinary, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
)

throttles = sa.Table(
    "throttles",
    metadata,
    # A digest: what people type is no business of the database.
    sa.Column("key", sa.String(80), primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("since", UtcTime, nullable=False, index=True),
)

secrets = sa.Table(
    "secrets",
    metadata,
    sa.Column(
        "environment", sa.ForeignKey("environments.name", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
)

run_artifacts = sa.Table(
    "run_artifacts",
    metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("media_type", sa.String(63), nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("actor", sa.String(63), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("request", sa.String(64), nullable=False),
    sa.Column("status", sa.Integer, nullable=True),
    sa.Column("response", sa.JSON(none_as_null=True), nullable=True),
    sa.Column("created_at", UtcTime, nullable=False),
)
