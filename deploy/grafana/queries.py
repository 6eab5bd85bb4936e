"""The questions that dashboards put to Prometheus in one way."""

from deploy.grafana.dashboard import Query

P = 'printer=~"$printer"'
"""The label of the printers that are chosen."""


def rate(metric: str, by: str, labels: str = "", legend: str = "") -> Query:
    """How often something happens, each second."""
    shown = legend or " ".join(f"{{{{{label}}}}}" for label in by.split(", "))
    return Query(f"sum by ({by}) (rate({metric}{{{labels}}}[$__rate_interval]))", shown)


def grown(metric: str, labels: str = "", legend: str = "") -> Query:
    """How much came together in the time that is shown."""
    return Query(f"sum(increase({metric}{{{labels}}}[$__range]))", legend)


def total(metric: str, by: str, labels: str = "", legend: str = "") -> Query:
    """A sum of gauges."""
    shown = legend or " ".join(f"{{{{{label}}}}}" for label in by.split(", "))
    return Query(f"sum by ({by}) ({metric}{{{labels}}})", shown)


def quantiles(metric: str, by: str = "", labels: str = "") -> list[Query]:
    """The median and the slowest of a histogram."""
    kept, shown = (f"{by}, le", f"{{{{{by}}}}} ") if by else ("le", "")
    return [
        Query(
            f"histogram_quantile({share}, sum by ({kept}) (rate({metric}_bucket{{{labels}}}[$__rate_interval])))",
            f"{shown}{name}",
        )
        for share, name in ((0.5, "median"), (0.95, "95 %"), (0.99, "99 %"))
    ]
