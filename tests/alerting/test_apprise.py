"""Services by apprise: what it knows, and what it cannot tell us."""

from pathlib import Path

import pytest

from alerting.channels.longtail import open_apprise
from alerting.errors import ChannelDownError, ChannelRefusedError, ChannelSetupError
from tests.alerting.benches import apprise_bench, person
from tests.alerting.servers import Mood
from tests.alerting.warnings import TEXTS, sample_warning


async def test_a_service_is_told_what_is_where_and_what_to_do(tmp_path: Path) -> None:
    async with apprise_bench(tmp_path) as bench:
        await bench.channel.send(sample_warning(), bench.recipient())

        (told,) = bench.told
    assert told["title"] == TEXTS["zh"].headline
    assert TEXTS["zh"].description in told["message"]
    assert TEXTS["zh"].instruction in told["message"]


async def test_a_refusal_cannot_be_told_from_trouble_so_it_is_tried_again(tmp_path: Path) -> None:
    async with apprise_bench(tmp_path) as bench:
        bench.turns(Mood.REFUSES)

        with pytest.raises(ChannelDownError):
            await bench.channel.send(sample_warning(), bench.recipient())


async def test_a_service_that_nobody_set_up_is_refused(tmp_path: Path) -> None:
    async with apprise_bench(tmp_path) as bench:
        with pytest.raises(ChannelRefusedError, match="nowhere"):
            await bench.channel.send(sample_warning(), person(0, "nowhere", "apprise"))


async def test_a_url_that_apprise_does_not_know_is_a_mistake_of_setting_up_and_stays_secret() -> None:
    with pytest.raises(ChannelSetupError, match="ops") as caught:
        async with open_apprise({"ops": "nosuch://s3cret"}):
            pass
    assert "s3cret" not in str(caught.value)
