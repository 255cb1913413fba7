"""The shape of each YAML file, for reading it and for its JSON Schema. No rules across files."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

NAME = r"^[a-z](-?[a-z0-9])*$"
HOST = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$"
# A host that begins with a hyphen would reach ssh as an option.
GIT = (
    r"^(https://[A-Za-z0-9][^\s@]*"
    r"|ssh://([A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9][^\s@]*"
    r"|file:///[^\s]+)$"
)
REF = r"^[A-Za-z0-9][A-Za-z0-9._/+-]*$"
FOLDER = r"^([A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*)?$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
ADDRESS = r"^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$"
USER = r"^[a-z_][a-z0-9_-]*$"
HOST_KEY = r"^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+={0,3}$"
LOGIN = r"^[a-z0-9][a-z0-9._@+-]{1,62}$"
ABSOLUTE = r"^/[^\x00-\x1f]*$"

RULES = {
    NAME: "a name: a-z, 0-9 and single hyphens, beginning with a letter",
    HOST: "a host name of a-z, 0-9, hyphens and dots",
    GIT: "https://host/path, ssh://git@host/path or file:///path, without a password",
    REF: "a branch, tag or commit",
    FOLDER: "a folder inside the repository, without a leading slash or ..",
    VARIABLE: "a variable's name: letters, digits and _",
    ADDRESS: "an address or host name",
    USER: "a user name",
    HOST_KEY: "a public host key such as: ssh-ed25519 AAAA…",
    LOGIN: "2 to 63 small letters, digits and . _ @ + -",
    ABSOLUTE: "an absolute path",
}
"""What each pattern asks for, in words."""

Name = Annotated[str, Field(pattern=NAME, max_length=31)]
Port = Annotated[int, Field(ge=1, le=65535)]
Title = Annotated[str, Field(min_length=1, max_length=100)]
Value = Annotated[str, Field(max_length=8192)]


class Document(BaseModel):
    """A mapping in which every key is known and every type is as written."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class EstateDocument(Document):
    """What the whole estate shares."""

    name: Name
    domain: Annotated[str, Field(pattern=HOST, max_length=200)] = Field(
        description="The console is at console.<domain>"
    )
    apps_domain: Annotated[str, Field(pattern=HOST, max_length=189)] = Field(
        description="Routes are at <route>--<environment>.<apps_domain>"
    )


class SourceDocument(Document):
    """Where a product comes from."""

    git: Annotated[str, Field(pattern=GIT, max_length=1024)] = Field(
        description="Address of the repository: https, ssh, or file on the control plane"
    )
    ref: Annotated[str, Field(pattern=REF, max_length=255)] = Field(
        description="Branch, tag or commit"
    )
    path: Annotated[str, Field(pattern=FOLDER, max_length=255)] = Field(
        default="", description="Folder of guesthouse.product.yaml; empty is the top"
    )


class ProductDocument(Document):
    """What the company sells."""

    name: Name
    source: SourceDocument


class MemberDocument(Document):
    """Somebody of a partner; how they come in stands in no file."""

    login: Annotated[str, Field(pattern=LOGIN)]
    title: Title = Field(description="The person's name, where the account is made")
    role: Literal["viewer", "developer", "manager"]


class PartnerDocument(Document):
    """A third-party organisation."""

    name: Name
    title: Title
    members: list[MemberDocument] = Field(
        default=[], description="Its people; who is invited by hand need not be here"
    )


class LocalInstanceDocument(Document):
    """The control plane's own machine."""

    name: Name
    provider: Literal["local"]


class ContainerInstanceDocument(Document):
    """A nested Docker host that stands in for a cloud machine."""

    name: Name
    provider: Literal["container"]
    gateway_port: Port = Field(description="Where its gateway answers HTTPS on this machine")


class SshInstanceDocument(Document):
    """A machine that exists already."""

    name: Name
    provider: Literal["ssh"]
    address: Annotated[str, Field(pattern=ADDRESS, max_length=253)]
    user: Annotated[str, Field(pattern=USER, max_length=32)] = "root"
    port: Port = 22
    host_key: Annotated[str, Field(pattern=HOST_KEY, max_length=2048)] = Field(
        description="Pinned public host key: ssh-keyscan shows it, its owner confirms it"
    )
    key_file: Annotated[str, Field(pattern=ABSOLUTE, max_length=1024)] = Field(
        description="Private key on the control plane"
    )


InstanceDocument = Annotated[
    LocalInstanceDocument | ContainerInstanceDocument | SshInstanceDocument,
    Field(discriminator="provider"),
]


class EnvironmentDocument(Document):
    """One running copy of a product for one partner."""

    name: Name
    partner: Name
    product: Name
    instance: Name
    phase: Literal["development", "integration"] = Field(
        description="development: core stacks only; integration: partner stacks beside them"
    )
    ref: Annotated[str, Field(pattern=REF, max_length=255)] | None = Field(
        default=None, description="Instead of the product's own ref"
    )
    variables: dict[Annotated[str, Field(pattern=VARIABLE, max_length=128)], Value] = Field(
        default={}, description="Plain values for the product's variables; no secrets"
    )


INSTANCE_SHAPES: dict[str, type[Document]] = {
    "local": LocalInstanceDocument,
    "container": ContainerInstanceDocument,
    "ssh": SshInstanceDocument,
}
SHAPES: dict[str, TypeAdapter[Any]] = {
    "estate": TypeAdapter(EstateDocument),
    "products": TypeAdapter(ProductDocument),
    "partners": TypeAdapter(PartnerDocument),
    "instances": TypeAdapter(InstanceDocument),
    "environments": TypeAdapter(EnvironmentDocument),
}
"""How to read each kind of file: the estate's own, and those of each folder."""
ROOT_SHAPES: dict[str, type[Document]] = {
    "estate": EstateDocument,
    "products": ProductDocument,
    "partners": PartnerDocument,
    "environments": EnvironmentDocument,
}
"""The kinds with one shape; an instance's provider decides on its own."""
