"""The counts in Prometheus' format. `health.py` serves them.

Receives nothing: it reads the plain numbers of `hub/counters.py`, the doorbell and the hubs at the moment of a scrape, so
counting costs the streams nothing but additions. A server with several workers shows one of them in each scrape.

A site that already exposes a registry of `prometheus_client` adds these to it, in `AppConfig.ready()`:

    prometheus_client.REGISTRY.register(NotificationsCollector())
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from ..hub import running_hubs
from ..hub.counters import BOUNDS_SECONDS, counters
from ..log.doorbell import ringer

__all__ = ["NotificationsCollector", "build_exposition"]


class NotificationsCollector(Collector):
    """What this process has counted since it began. Makes no query; may be called from any thread."""

    def collect(self) -> Iterator[Metric]:
        """Yield every metric as it stands."""
        hubs = running_hubs()
        yield gauge("streams", "Open streams.", sum(hub.count for hub in hubs))
        yield gauge("users", "Users with an open stream.", sum(len(hub.users) for hub in hubs))
        yield labelled(
            "connects", "Requests for a stream, by what they were answered.", "answer", counters.connects.items()
        )
        yield labelled("byes", "Streams that the server ended, by reason.", "reason", counters.byes.items())

        yield counter("doorbells_rung", "Changes committed here that the channel layer was to tell.", ringer.rung)
        yield counter("doorbells_sent", "Changes that the channel layer took.", ringer.sent)
        yield counter("doorbells_dropped", "Changes that it did not take, left to the sweepers.", ringer.dropped)
        yield counter("changes_heard", "Changes heard over the channel layer.", counters.heard)
        yield counter("frames_passed_on", "Frames that went to a stream without a query.", counters.frames_passed_on)
        yield counter("gaps", "Times a live stream could not continue with what it heard.", counters.gaps)
        yield counter(
            "doorbells_refused", "Messages over the channel layer that this site did not send.", counters.refused
        )
        yield counter("deafs", "Times the hub no longer heard its own probe.", counters.lost_probes)

        yield counter("sweeps", "Rounds of the sweeper.", counters.sweeps)
        yield counter("sweep_rescues", "Streams that only the sweeper found to be behind.", counters.rescues)
        yield counter("log_reads", "Batched reads of the log.", counters.log_reads)
        yield counter("replays", "Times a stream was sent changes from the log.", counters.replays)
        yield labelled("resets", "Times a stream was sent a snapshot, by reason.", "reason", counters.resets.items())
        yield counter("send_timeouts", "Streams dropped because a write took too long.", counters.send_timeouts)
        yield build_commit_to_write()


def gauge(name: str, text: str, value: float) -> Metric:
    """Return a number that rises and falls."""
    return GaugeMetricFamily(f"notifications_{name}", text, value=value)


def counter(name: str, text: str, value: float) -> Metric:
    """Return a number that only grows; its sample ends in `_total`."""
    return CounterMetricFamily(f"notifications_{name}", text, value=value)


def labelled(name: str, text: str, label: str, values: Iterable[tuple[str, int]]) -> Metric:
    """Return a counter for each value of one label. All of them are there from the start, so that rates are right."""
    family = CounterMetricFamily(f"notifications_{name}", text, labels=[label])
    for key, value in values:
        family.add_metric([key], value)
    return family


def build_commit_to_write() -> Metric:
    """Return the histogram of the time that changes took from commit to their last write in this process."""
    sums = list(accumulate(counters.written))
    bounds = [*map(str, BOUNDS_SECONDS), "+Inf"]
    family = HistogramMetricFamily("notifications_commit_to_write_seconds", "From commit to the write to the streams.")
    family.add_metric([], buckets=list(zip(bounds, sums, strict=True)), sum_value=counters.written_seconds)
    return family


registry: Final = CollectorRegistry()
registry.register(NotificationsCollector())


def build_exposition() -> bytes:
    """Return every metric in Prometheus' text format.

    # HELP notifications_streams Open streams.
    # TYPE notifications_streams gauge
    notifications_streams 3.0
    """
    return generate_latest(registry)
