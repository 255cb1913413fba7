"""People: accounts, how they come in, and whose partner an audit row is about."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Bring the schema forward."""
    _accounts()
    _memberships()
    _recovery_codes()
    _identities()
    _invitations()
    _sessions()
    _half_sign_ins()
    _gateway()
    _device_logins()
    _oidc_attempts()
    _throttles()
    _tokens()
    # A plain column: to build the table anew would lose the triggers that guard it. Empty in rows
    # from before, whose hashes do not cover it.
    op.add_column("audit_entries", sa.Column("partner", sa.String(length=63), nullable=True))
    op.create_index("ix_audit_entries_partner", "audit_entries", ["partner"])


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _account(table: str, *, nullable: bool = False) -> tuple[sa.Column[str], sa.Constraint]:
    return (
        sa.Column("account", sa.String(length=40), nullable=nullable),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.id"], name=f"fk_{table}_account", ondelete="CASCADE"
        ),
    )


def _partner(table: str, *, nullable: bool = False) -> tuple[sa.Column[str], sa.Constraint]:
    return (
        sa.Column("partner", sa.String(length=63), nullable=nullable),
        sa.ForeignKeyConstraint(
            ["partner"], ["partners.name"], name=f"fk_{table}_partner", ondelete="CASCADE"
        ),
    )


def _session(table: str) -> tuple[sa.Column[str], sa.Constraint]:
    return (
        sa.Column("session", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["session"], ["sessions.id"], name=f"fk_{table}_session", ondelete="CASCADE"
        ),
    )


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("login", sa.String(length=63), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.Column("totp_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("totp_pending", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=True),
        sa.Column("is_declared", sa.Boolean(), nullable=False),
        _time("disabled_at", nullable=True),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("login", name="uq_accounts_login"),
    )


def _memberships() -> None:
    op.create_table(
        "memberships",
        *_account("memberships"),
        *_partner("memberships"),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("origin", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("account", "partner", name="pk_memberships"),
    )
    op.create_index("ix_memberships_partner", "memberships", ["partner"])


def _recovery_codes() -> None:
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.String(length=40), nullable=False),
        *_account("recovery_codes"),
        sa.Column("digest", sa.String(length=64), nullable=False),
        _time("used_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_recovery_codes"),
    )
    op.create_index("ix_recovery_codes_account", "recovery_codes", ["account"])


def _identities() -> None:
    op.create_table(
        "identities",
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        *_account("identities"),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_identities"),
    )
    op.create_index("ix_identities_account", "identities", ["account"])


def _invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("login", sa.String(length=63), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        *_partner("invitations", nullable=True),
        sa.Column("role", sa.String(length=20), nullable=True),
        *_account("invitations", nullable=True),
        sa.Column("invited_by", sa.String(length=63), nullable=False),
        _time("created_at"),
        _time("expires_at"),
        _time("used_at", nullable=True),
        _time("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("digest", name="uq_invitations_digest"),
    )
    op.create_index("ix_invitations_login", "invitations", ["login"])
    op.create_index("ix_invitations_partner", "invitations", ["partner"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        *_account("sessions"),
        sa.Column("door", sa.String(length=20), nullable=False),
        sa.Column("address", sa.String(length=63), nullable=False),
        sa.Column("agent", sa.String(length=200), nullable=False),
        _time("created_at"),
        _time("seen_at"),
        _time("expires_at"),
        _time("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("digest", name="uq_sessions_digest"),
    )
    op.create_index("ix_sessions_account", "sessions", ["account"])


def _half_sign_ins() -> None:
    op.create_table(
        "half_sign_ins",
        sa.Column("digest", sa.String(length=64), nullable=False),
        *_account("half_sign_ins"),
        sa.Column("tries", sa.Integer(), nullable=False),
        _time("created_at"),
        _time("expires_at"),
        sa.PrimaryKeyConstraint("digest", name="pk_half_sign_ins"),
    )


def _gateway() -> None:
    op.create_table(
        "gateway_codes",
        sa.Column("digest", sa.String(length=64), nullable=False),
        *_session("gateway_codes"),
        sa.Column("environment", sa.String(length=63), nullable=False),
        sa.Column("route", sa.String(length=63), nullable=False),
        sa.Column("state_digest", sa.String(length=64), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        _time("expires_at"),
        _time("used_at", nullable=True),
        sa.PrimaryKeyConstraint("digest", name="pk_gateway_codes"),
    )
    op.create_table(
        "gateway_sessions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        *_session("gateway_sessions"),
        sa.Column("environment", sa.String(length=63), nullable=False),
        sa.Column("route", sa.String(length=63), nullable=False),
        _time("created_at"),
        sa.PrimaryKeyConstraint("digest", name="pk_gateway_sessions"),
    )
    op.create_index("ix_gateway_sessions_session", "gateway_sessions", ["session"])


def _device_logins() -> None:
    op.create_table(
        "device_logins",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user_code", sa.String(length=20), nullable=False),
        sa.Column("client", sa.String(length=63), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=True),
        *_account("device_logins", nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("interval_seconds", sa.Integer(), nullable=False),
        _time("expires_at"),
        _time("polled_at", nullable=True),
        sa.PrimaryKeyConstraint("digest", name="pk_device_logins"),
        sa.UniqueConstraint("user_code", name="uq_device_logins_user_code"),
    )


def _oidc_attempts() -> None:
    op.create_table(
        "oidc_attempts",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("browser_digest", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=128), nullable=False),
        sa.Column("verifier", sa.LargeBinary(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        _time("expires_at"),
        sa.PrimaryKeyConstraint("digest", name="pk_oidc_attempts"),
    )


def _throttles() -> None:
    op.create_table(
        "throttles",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        _time("since"),
        sa.PrimaryKeyConstraint("key", name="pk_throttles"),
    )
    op.create_index("ix_throttles_since", "throttles", ["since"])


def _tokens() -> None:
    with op.batch_alter_table("tokens") as batch:
        batch.add_column(sa.Column("account", sa.String(length=40), nullable=True))
        batch.add_column(sa.Column("scopes", sa.JSON(), nullable=True))
        batch.create_foreign_key("fk_tokens_account", "accounts", ["account"], ["id"])
        batch.create_index("ix_tokens_account", ["account"])
