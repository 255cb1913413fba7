"""The only place that wires adapters to features."""

from guesthouse.bootstrap.services import Services, build
from guesthouse.bootstrap.serving import serve, work

__all__ = ["Services", "build", "serve", "work"]
