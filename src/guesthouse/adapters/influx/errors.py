"""What InfluxDB may answer instead of an answer."""

from guesthouse.errors import Invalid, Unavailable


class InfluxAway(Unavailable):
    """InfluxDB does not answer, or says it cannot."""

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(
            f"the metrics database at {url} does not answer",
            next_step="run `guesthouse doctor`; environments keep running without metrics",
            detail=detail,
        )


class InfluxRefused(Unavailable):
    """InfluxDB does not take our name and password."""

    def __init__(self, url: str, username: str) -> None:
        super().__init__(
            f"the metrics database at {url} refuses the password of its user {username}",
            next_step="run `guesthouse host prepare`, which makes the administrator again",
        )


class QueryRefused(Invalid):
    """InfluxDB understood, and said no."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "the metrics database refused a query",
            next_step="read the reason; an instance that writes too many series is refused too",
            detail=reason,
        )


class NameRefused(Invalid):
    """A database or user name that is not one of ours."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} is no name of a metrics database or its user",
            next_step="take the one `metrics_database` gives for the instance",
        )
