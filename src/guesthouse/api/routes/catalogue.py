"""Products: what the company sells."""

from fastapi import APIRouter

from guesthouse.api.guard import GuardedRoute
from guesthouse.api.paging import Cursor, Limit
from guesthouse.api.store import CatalogueStore
from guesthouse.api.views import PageView, ProductView, page_of
from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.kit.pagination import bounded_limit
from guesthouse.people.permissions import Action

router = APIRouter(tags=["catalogue"], route_class=GuardedRoute)
store = CatalogueStore()


@router.get("/products")
@admits(Access.SIGNED_IN, Action.ENVIRONMENT_READ)
def products(
    services: Provided, caller: Caller, cursor: Cursor = None, limit: Limit = None
) -> PageView[ProductView]:
    """List products; a member sees those their environments run."""
    with services.database.reading() as transaction:
        page = store.products(caller, transaction, cursor=cursor, limit=bounded_limit(limit))
    return page_of(page, ProductView.model_validate)
