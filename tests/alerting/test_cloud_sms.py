"""Short messages by providers: signatures as documented, templates filled, rates and refusals told apart."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from alerting.channels.channel import ReceiptState, WarningMessage
from alerting.channels.provider_sms import aliyun, tencent
from alerting.channels.provider_sms.templates import fill
from alerting.errors import ChannelDownError, ChannelRefusedError
from rules.transition import Level
from tests.alerting.sms_servers import KEY_SECRET
from tests.alerting.telephone_benches import ALIYUN, TENCENT, SmsBench, aliyun_bench, tencent_bench
from tests.alerting.warnings import TEXTS, sample_warning


@pytest.fixture(scope="module")
def warning() -> WarningMessage:
    return sample_warning()


@pytest.fixture(params=[aliyun_bench, tencent_bench])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[SmsBench]:
    async with request.param() as one:
        yield one


def test_aliyuns_signature_is_that_of_its_documentation() -> None:
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    image = "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"
    query = aliyun.canonical_query({"RegionId": "cn-shanghai", "ImageId": image})

    said = aliyun.authorize("YourAccessKeyId", "YourAccessKeySecret", query, headers)

    assert said.endswith(
        "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_tencents_signature_is_that_of_its_documentation() -> None:
    body = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
    said = tencent.authorize(
        "AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******",
        "Gu5t9xGARNpq86cd98joQYCN3*******",
        "cvm.tencentcloudapi.com",
        body,
        1551113065,
        service="cvm",
    )

    assert "/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host, " in said
    assert said.endswith("Signature=2230eefd229f582d8b1b891af7107b91597240707d778ab3738f756258d7652c")


async def test_the_templates_variables_are_filled_from_the_warning(
    bench: SmsBench, warning: WarningMessage
) -> None:
    receipt = await bench.channel.send(warning, bench.recipient())

    ((key, number, variables),) = bench.server.sent
    assert receipt.state is ReceiptState.SENT
    assert receipt.reason
    assert key == bench.recipient().key
    assert number.endswith("13800138000")
    assert variables == ["下溪发布洪水橙色预警", "橙色"]


async def test_a_value_longer_than_the_provider_takes_is_cut_and_shows_it(
    bench: SmsBench, warning: WarningMessage
) -> None:
    long = TEXTS["zh"]._replace(headline="洪" * 100)
    await bench.channel.send(replace(warning, texts={"zh": long, "en": long}), bench.recipient())

    ((_, _, (headline, _)),) = bench.server.sent
    assert headline.startswith("洪洪")
    assert headline.endswith("洪…")


async def test_a_wrong_secret_is_refused(bench: SmsBench, warning: WarningMessage) -> None:
    changes = (
        {"access_key_secret": "wrong"}
        if isinstance(bench.channel, aliyun.AliyunSms)
        else {"secret_key": "wrong"}
    )

    with pytest.raises(ChannelRefusedError, match="Signature"):
        await bench.at(server=bench.server.url, **changes).send(warning, bench.recipient())


async def test_a_clock_that_is_wrong_by_an_hour_is_refused(bench: SmsBench, warning: WarningMessage) -> None:
    channel = bench.at(server=bench.server.url, now_s=lambda: time.time() - 3600)

    with pytest.raises(ChannelRefusedError, match="Expire"):
        await channel.send(warning, bench.recipient())


@pytest.mark.parametrize("change", [{"template": "SMS_1"}, {"sign_name": "别人"}, {"longest": 200}])
async def test_what_the_provider_has_not_approved_is_refused(
    bench: SmsBench, warning: WarningMessage, change: dict[str, object]
) -> None:
    long = TEXTS["zh"]._replace(headline="洪" * 100)
    channel = bench.at(server=bench.server.url, **change)

    with pytest.raises(ChannelRefusedError):
        await channel.send(replace(warning, texts={"zh": long, "en": long}), bench.recipient())


async def test_variables_that_do_not_fit_the_template_are_refused(warning: WarningMessage) -> None:
    async with aliyun_bench() as ali, tencent_bench() as qq:
        with pytest.raises(ChannelRefusedError, match="TEMPLATE_MISSING_PARAMETERS"):
            await ali.at(server=ali.server.url, variables={"title": "headline"}).send(
                warning, ali.recipient()
            )
        with pytest.raises(ChannelRefusedError, match="TemplateParameterFormatError"):
            await qq.at(server=qq.server.url, variables=("headline",)).send(warning, qq.recipient())


async def test_a_telephone_that_has_had_its_fill_is_left_to_the_next_channel(
    bench: SmsBench, warning: WarningMessage
) -> None:
    bench.server.most_to_one = 1
    await bench.channel.send(warning, bench.recipient())

    with pytest.raises(ChannelRefusedError, match=r"(?i)limit"):
        await bench.channel.send(warning, bench.recipient())
    await bench.channel.send(warning, bench.recipient(1))


async def test_no_error_shows_a_secret(bench: SmsBench, warning: WarningMessage) -> None:
    with pytest.raises(ChannelDownError) as caught:
        await bench.at(server="http://127.0.0.1:1").send(warning, bench.recipient())

    assert KEY_SECRET not in str(caught.value)
    assert KEY_SECRET not in repr(ALIYUN)
    assert KEY_SECRET not in repr(TENCENT)


def test_every_field_has_a_value_in_both_languages_at_every_level() -> None:
    for level in Level:
        for language in ("zh", "en"):
            values = fill(sample_warning(level), language, ("headline", "description", "level", "time"), 500)
            assert all(values)
