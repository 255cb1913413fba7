"""Makes the estate's values out of what its files hold. Checks nothing: that is done by then."""

from collections.abc import Iterator, Mapping
from typing import Any

from guesthouse.estate.documents import (
    ContainerInstanceDocument,
    EnvironmentDocument,
    EstateDocument,
    LocalInstanceDocument,
    PartnerDocument,
    ProductDocument,
    SourceDocument,
    SshInstanceDocument,
)
from guesthouse.estate.model import (
    ContainerInstance,
    EnvironmentSpec,
    Estate,
    GitSource,
    InstanceSpec,
    LocalInstance,
    Member,
    Partner,
    Phase,
    Product,
    SshInstance,
)
from guesthouse.people.model import Role

Documents = Mapping[str, Any]


def estate_of(head: EstateDocument, folders: Mapping[str, Documents]) -> Estate:
    """Return the estate.

    Args:
        head: What ``estate.yaml`` holds.
        folders: What each folder's files hold, by name; every reference is known to hold.
    """
    products = {name: _product(item) for name, item in _sorted(folders["products"])}
    return Estate(
        name=head.name,
        domain=head.domain,
        apps_domain=head.apps_domain,
        products=products,
        partners={name: _partner(item) for name, item in _sorted(folders["partners"])},
        instances={name: _instance(item) for name, item in _sorted(folders["instances"])},
        environments={
            name: _environment(item, products[item.product])
            for name, item in _sorted(folders["environments"])
        },
        members=dict(_members(folders["partners"])),
    )


def _sorted(documents: Documents) -> list[tuple[str, Any]]:
    return sorted(documents.items())


def _partner(document: PartnerDocument) -> Partner:
    return Partner(document.name, document.title)


def _members(partners: Documents) -> Iterator[tuple[str, Member]]:
    for name, document in _sorted(partners):
        for member in sorted(document.members, key=lambda each: each.login):
            yield f"{name}/{member.login}", Member(member.title, Role(member.role))


def _product(document: ProductDocument) -> Product:
    return Product(document.name, _source(document.source))


def _source(document: SourceDocument) -> GitSource:
    return GitSource(document.git, document.ref, document.path)


def _instance(
    document: LocalInstanceDocument | ContainerInstanceDocument | SshInstanceDocument,
) -> InstanceSpec:
    match document:
        case LocalInstanceDocument():
            return LocalInstance(document.name)
        case ContainerInstanceDocument():
            return ContainerInstance(document.name, document.gateway_port)
        case SshInstanceDocument():
            return SshInstance(
                name=document.name,
                address=document.address,
                user=document.user,
                host_key=document.host_key,
                key_file=document.key_file,
                port=document.port,
            )


def _environment(document: EnvironmentDocument, product: Product) -> EnvironmentSpec:
    own = product.source
    return EnvironmentSpec(
        name=document.name,
        partner=document.partner,
        product=document.product,
        instance=document.instance,
        phase=Phase(document.phase),
        source=GitSource(own.git, document.ref or own.ref, own.path),
        variables=dict(sorted(document.variables.items())),
    )
