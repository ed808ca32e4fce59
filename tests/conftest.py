"""What tests of every room share: real servers, public data, and a watch on what a test leaves behind."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.servers import missing, running_influx1, running_mosquitto, running_victoria
from transport.session import Endpoint

_LEAVES_WITHIN_S = 2.0

hypothesis.settings.register_profile("untimed", deadline=None)  # a timed assertion is a flake to come
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets: ``TOCSIN_SHARED_DATA``, or ``../shared/data`` beside the repository."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("TOCSIN_SHARED_DATA") or beside)
    return folder if folder.is_dir() else missing(f"no data sets at {folder}")


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """A private mosquitto on loopback, for this test alone."""
    with running_mosquitto(tmp_path_factory.mktemp("mosquitto")) as server:
        yield server.endpoint


@pytest.fixture(scope="session")
def influx1(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a private InfluxDB 1.x; each test uses a database of its own."""
    with running_influx1(tmp_path_factory.mktemp("influx1")) as server:
        yield server.url


@pytest.fixture(scope="session")
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a private VictoriaMetrics; each test uses names of its own."""
    with running_victoria(tmp_path_factory.mktemp("victoria")) as server:
        yield server.url


@pytest.fixture
async def task_watch() -> AsyncIterator[None]:
    """Fail an asynchronous test that leaves tasks running."""
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    if left:  # what has been cancelled may still need a turn of the loop
        await asyncio.wait(left, timeout=_LEAVES_WITHIN_S)
    names = sorted(task.get_name() for task in left if not task.done())
    assert not names, f"tasks left running: {names}"


@pytest.fixture(autouse=True)
def leak_watch(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves tasks or threads running."""
    if request.node.get_closest_marker("asyncio") is not None:
        request.getfixturevalue("task_watch")
    before = set(threading.enumerate())
    yield
    left = [
        thread
        for thread in threading.enumerate()
        if thread not in before and not thread.name.startswith("asyncio_")  # the loop ends its own
    ]
    for thread in left:
        thread.join(_LEAVES_WITHIN_S)
    names = sorted(thread.name for thread in left if thread.is_alive())
    assert not names, f"threads left running: {names}"
