"""Group robots: the body is the verdict, signatures are as documented, and red is never held back."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from alerting.channels import dingtalk, feishu
from alerting.channels.channel import WarningMessage
from alerting.channels.dingtalk import DingtalkApi
from alerting.channels.pace import Limit, Pace
from alerting.channels.parts import split_text
from alerting.channels.robots import Robot, RobotChannel
from alerting.errors import ChannelDownError, ChannelRefusedError
from rules.transition import Level
from tests.alerting.benches import RobotBench, dingtalk_bench, feishu_bench, person, wecom_bench
from tests.alerting.robot_servers import SECRET, TOKEN
from tests.alerting.warnings import sample_warning

HOURS_S = 3 * 3600


@pytest.fixture(scope="module")
def warning() -> WarningMessage:
    return sample_warning()


@pytest.fixture(params=[dingtalk_bench, wecom_bench, feishu_bench])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[RobotBench]:
    async with request.param() as one:
        yield one


@pytest.fixture(params=[dingtalk_bench, feishu_bench])
async def signed(request: pytest.FixtureRequest) -> AsyncIterator[RobotBench]:
    async with request.param() as one:
        yield one


async def test_the_group_reads_what_is_where_and_what_to_do(
    bench: RobotBench, warning: WarningMessage
) -> None:
    await bench.channel.send(warning, bench.recipient())

    (text,) = bench.server.group
    for words in (*warning.texts["zh"], warning.identifier):
        assert words in text


async def test_each_language_of_a_groups_people_is_posted_once(
    bench: RobotBench, warning: WarningMessage
) -> None:
    for number in range(4):
        to = replace(bench.recipient(number), language="zh" if number % 2 else "en")
        await bench.channel.send(warning, to)

    assert len(bench.server.group) == 2


async def test_red_calls_everybody_in_the_group_and_nothing_less_does(
    bench: RobotBench, warning: WarningMessage
) -> None:
    await bench.channel.send(warning, bench.recipient())
    assert bench.server.called_everybody == 0

    await bench.channel.send(replace(warning, level=Level.RED), replace(bench.recipient(), language="en"))
    assert bench.server.called_everybody == 1


@pytest.mark.parametrize("secret", [None, "another"])
async def test_a_post_that_is_signed_wrongly_or_not_at_all_is_refused(
    signed: RobotBench, warning: WarningMessage, secret: str | None
) -> None:
    channel = signed.at(signed.server.url, Robot(token=TOKEN, secret=secret))

    with pytest.raises(ChannelRefusedError):
        await channel.send(warning, signed.recipient())


async def test_a_post_from_a_clock_hours_away_is_refused(signed: RobotBench, warning: WarningMessage) -> None:
    channel = signed.at(signed.server.url, now_s=lambda: time.time() - HOURS_S)

    with pytest.raises(ChannelRefusedError):
        await channel.send(warning, signed.recipient())


async def test_a_token_that_the_provider_does_not_know_is_refused(
    bench: RobotBench, warning: WarningMessage
) -> None:
    channel = bench.at(bench.server.url, Robot(token="another", secret=SECRET))  # noqa: S106

    with pytest.raises(ChannelRefusedError):
        await channel.send(warning, bench.recipient())


async def test_a_robot_that_nobody_set_up_is_refused(bench: RobotBench, warning: WarningMessage) -> None:
    with pytest.raises(ChannelRefusedError, match="nowhere"):
        await bench.channel.send(warning, person(0, "nowhere", "dingtalk"))


async def test_what_is_not_red_leaves_places_for_red_and_says_when_there_is_one(
    warning: WarningMessage,
) -> None:
    async with dingtalk_bench() as bench:
        for number in range(15):
            await bench.channel.send(_issued(warning, number), bench.recipient())
        with pytest.raises(ChannelDownError, match="until the next"):
            await bench.channel.send(_issued(warning, 15), bench.recipient())
        for number in range(16, 21):
            red = replace(_issued(warning, number), level=Level.RED)
            await bench.channel.send(red, bench.recipient())

        assert len(bench.server.group) == 20
        with pytest.raises(
            ChannelDownError, match="130101"
        ):  # asked for all the same: red is not ours to hold
            await bench.channel.send(replace(_issued(warning, 21), level=Level.RED), bench.recipient())


async def test_a_page_that_wants_a_log_in_first_is_no_success(warning: WarningMessage) -> None:
    async def portal(request: web.Request) -> web.Response:
        del request
        return web.Response(text="<html>please log in</html>", content_type="text/html")

    app = web.Application()
    app.router.add_post("/robot/send", portal)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession() as http:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            channel = RobotChannel(http, DingtalkApi(), url, {"duty-group": Robot(token=TOKEN)})
            with pytest.raises(ChannelDownError, match="without a JSON object"):
                await channel.send(warning, person(0, "duty-group", "dingtalk"))
    finally:
        await runner.cleanup()


async def test_no_error_and_no_representation_shows_a_secret(
    bench: RobotBench, warning: WarningMessage
) -> None:
    for url in ("http://127.0.0.1:1", "http://[", "ftp://127.0.0.1"):
        with pytest.raises((ChannelDownError, ChannelRefusedError)) as caught:
            await bench.at(url).send(warning, bench.recipient())
        assert TOKEN not in str(caught.value)
    assert TOKEN not in repr(Robot(token=TOKEN, secret=SECRET))
    assert SECRET not in repr(Robot(token=TOKEN, secret=SECRET))


def test_signatures_are_those_of_other_implementations() -> None:
    """Made with ``printf … | openssl dgst -sha256 -hmac … -binary | base64``."""
    assert dingtalk.sign("this is secret", "1577262236757") == "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM="
    assert feishu.sign("demo", "1599360473") == "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="


@given(text=st.text(alphabet="洪水。\n aé,，", min_size=1, max_size=400), room=st.integers(64, 300))
def test_parts_lose_nothing_and_each_fits(text: str, room: int) -> None:
    parts = split_text(text, room)

    assert all(len(part.encode()) <= room for part in parts)
    if len(parts) > 1:
        assert [part.split(" ", 1)[0] for part in parts] == [
            f"({number}/{len(parts)})" for number in range(1, len(parts) + 1)
        ]
        parts = tuple(part.split(" ", 1)[1] for part in parts)
    assert "".join(parts) == text


@given(
    waits=st.lists(st.tuples(st.floats(0, 30), st.booleans()), max_size=60),
)
def test_no_window_holds_more_than_its_limit_beside_red(waits: list[tuple[float, bool]]) -> None:
    now = 0.0
    limit = Limit(posts=6, window_s=60.0, for_red=2)
    pace = Pace([limit], now_s=lambda: now)
    taken: list[float] = []
    for wait_s, red in waits:
        now += wait_s
        within = [at for at in taken if now - at < limit.window_s]
        said_s = pace.take(red=red)
        if red:
            assert said_s == 0.0
        else:
            assert (said_s == 0.0) == (len(within) < limit.posts - limit.for_red)
        if said_s == 0.0:
            taken.append(now)


def _issued(warning: WarningMessage, number: int) -> WarningMessage:
    return replace(
        warning, cap=msgspec.structs.replace(warning.cap, identifier=f"{warning.identifier}{number}")
    )
