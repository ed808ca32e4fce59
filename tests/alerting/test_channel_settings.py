"""The channels' blocks of contacts.yaml: what is wrong is found, and what is set up is opened."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from alerting.channels.settings import SET_UP_BY, ChannelSettings, ChannelsSpec
from alerting.channels.setup import open_channels
from alerting.check import check_names
from alerting.errors import ChannelSetupError
from district.document import parse, read_document

EVERYTHING = """\
smtp: {host: mail.example.org, from: warning@linjiang.example}
webhook: {secret_env: HOOK}
dingtalk: {robots: {duty-group: {token_env: DING, secret_env: DING_SECRET}}}
wecom: {robots: {duty-group: {key_env: WECOM}}}
feishu: {server: "https://open.larksuite.com", robots: {duty-group: {token_env: FEISHU}}}
modem: {port: /dev/serial/by-id/usb-modem, pin_env: SIM_PIN}
apprise: {services: {ops: {url_env: OPS_URL}}}
aliyun:
  access_key_id_env: ALI_ID
  access_key_secret_env: ALI_SECRET
  sign_name: 临江预警
  template: SMS_154950909
  variables: {title: headline, level: level}
tencent:
  secret_id_env: QQ_ID
  secret_key_env: QQ_SECRET
  app_id: "1400006666"
  sign_name: 临江预警
  template: "1110"
  variables: [headline, level]
"""
SECRETS = (
    *("HOOK", "DING", "DING_SECRET", "WECOM", "FEISHU", "SIM_PIN"),
    *("ALI_ID", "ALI_SECRET", "QQ_ID", "QQ_SECRET", "OPS_URL"),
)
PERSON = """\
people:
  - id: wang-min
    channels:
      dingtalk: NAME
"""


def settings_of(folder: Path, text: str) -> tuple[ChannelSettings | None, list[Any]]:
    path = folder / "contacts.yaml"
    path.write_text(text, encoding="utf-8")
    return parse(read_document(path), ChannelSettings)


async def test_every_channel_that_is_set_up_is_opened(tmp_path: Path) -> None:
    settings, findings = settings_of(tmp_path, EVERYTHING)
    assert settings is not None, findings
    secrets = {**dict.fromkeys(SECRETS, "x"), "OPS_URL": "json://127.0.0.1"}

    async with open_channels(
        settings, console=tmp_path / "console.jsonl", echo=False, secrets=secrets
    ) as channels:
        assert set(channels) == {"console", *SET_UP_BY}


@pytest.mark.parametrize("missing", SECRETS)
async def test_a_secret_that_is_not_given_is_named(tmp_path: Path, missing: str) -> None:
    settings, _ = settings_of(tmp_path, EVERYTHING)
    assert settings is not None
    secrets = {**dict.fromkeys(SECRETS, "x"), "OPS_URL": "json://127.0.0.1"}
    del secrets[missing]

    with pytest.raises(ChannelSetupError, match=rf"\b{missing}\b"):
        async with open_channels(settings, console=tmp_path / "c.jsonl", echo=False, secrets=secrets):
            pass


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("dingtalk: {robots: {}}", "dingtalk.robots"),
        ("dingtalk: {robots: {g: {token: abc}}}", "dingtalk.robots.g.token"),
        ('dingtalk: {robots: {g: {token_env: "SEC 0a"}}}', "dingtalk.robots.g.token_env"),
        (
            'wecom: {server: "https://qyapi.weixin.qq.com/cgi-bin?key=a", robots: {g: {key_env: K}}}',
            "wecom.server",
        ),
        ("wecom: {robots: {g: {key_env: K, secret_env: S}}}", "wecom.robots.g.secret_env"),
        ("feishu: {robots: {Group: {token_env: T}}}", "feishu.robots.Group"),
        ("modem: {port: ttyUSB0}", "modem.port"),
        ("aliyun: {access_key_id: LTAI}", "aliyun.access_key_id"),
        ("aliyun: {template: 154950909}", "aliyun.template"),
        ("aliyun: {variables: {title: headlin}}", "aliyun.variables.title"),
        ("tencent: {app_id: 1400006666}", "tencent.app_id"),
        ("tencent: {variables: [headline, colour]}", "tencent.variables.1"),
        ("modem: {port: /dev/ttyUSB0, baud: 0}", "modem.baud"),
        ("modem: {port: /dev/ttyUSB0, pin: 1234}", "modem.pin"),
    ],
)
def test_each_mistake_is_found_at_its_key(tmp_path: Path, line: str, key: str) -> None:
    settings, findings = settings_of(tmp_path, f"{line}\n")

    assert settings is None
    assert key in {finding.key for finding in findings}


def test_a_robot_that_there_is_not_is_found_with_the_one_that_was_meant(tmp_path: Path) -> None:
    path = tmp_path / "contacts.yaml"
    path.write_text(EVERYTHING + PERSON.replace("NAME", "duty-gruop"), encoding="utf-8")

    (finding,) = check_names(read_document(path), None)

    assert (finding.code, finding.suggestion) == ("unknown-robot", "duty-group")
    assert (finding.place.line, finding.place.column) == (24, 17)


def test_short_messages_find_a_person_by_telephone() -> None:
    spec = ChannelsSpec.model_validate({"telephone": "+8613800138000", "wecom": "duty-group"})

    assert spec.address("modem-sms") == "+8613800138000"
    assert spec.address("wecom") == "duty-group"
    assert spec.address("email") is None
    with pytest.raises(ValidationError):
        ChannelsSpec.model_validate({"telephone": "13800138000"})
