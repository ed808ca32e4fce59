"""What a process says of itself by HTTP, to Prometheus and to whoever restarts it."""

import asyncio
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from transport.errors import EndpointError
from transport.metrics import Facts, Figure, counted, exposition, serve_facts

FACTS = Facts(
    "edge",
    lambda: [
        *counted({"polls": 12, "depth": 3}, now=["depth"]),
        Figure("bus_load", 0.5, {"bus": "dam-485"}, is_now=True),
        Figure("bus_load", 0.25, {"bus": 'a "quoted" one'}, is_now=True),
    ],
    lambda: {"broker": False, "spool": True},
)


async def asked(url: str, method: str = "GET") -> tuple[int, str]:
    """The status and body of an answer."""

    def ask() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=5) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as exc:
            return exc.code, exc.read().decode()

    return await asyncio.to_thread(ask)


def test_every_figure_is_read_back_by_a_parser() -> None:
    families = {f.name: f for f in text_string_to_metric_families(exposition(FACTS).decode())}

    assert families["tocsin_edge_polls"].type == "counter"
    assert families["tocsin_edge_depth"].type == "gauge"
    loads = {sample.labels["bus"]: sample.value for sample in families["tocsin_edge_bus_load"].samples}
    assert loads == {"dam-485": 0.5, 'a "quoted" one': 0.25}


async def test_alive_is_not_ready() -> None:
    async with serve_facts(("127.0.0.1", 0), FACTS) as port:
        assert await asked(f"http://127.0.0.1:{port}/healthz") == (200, "alive\n")
        assert await asked(f"http://127.0.0.1:{port}/readyz") == (503, "broker: missing\nspool: there\n")
        status, text = await asked(f"http://127.0.0.1:{port}/metrics?x=1")
        assert (status, "tocsin_edge_polls_total 12.0" in text) == (200, True)


async def test_what_is_not_there_and_what_is_no_question_is_refused() -> None:
    async with serve_facts(("127.0.0.1", 0), FACTS) as port:
        assert (await asked(f"http://127.0.0.1:{port}/"))[0] == 404
        assert (await asked(f"http://127.0.0.1:{port}/metrics", "POST"))[0] == 405
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"?" * 100_000)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        assert (await asked(f"http://127.0.0.1:{port}/healthz"))[0] == 200


async def test_a_port_that_is_taken_is_named_with_the_option() -> None:
    async with serve_facts(("127.0.0.1", 0), FACTS) as port:
        assert port is not None
        with pytest.raises(EndpointError, match=f"--metrics 127.0.0.1:{port}.*choose another"):
            async with serve_facts(("127.0.0.1", port), FACTS):
                raise AssertionError("unreachable")


async def test_nobody_is_served_unless_asked_for() -> None:
    async with serve_facts(None, FACTS) as port:
        assert port is None
