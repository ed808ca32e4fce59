"""What contacts.yaml says of the channels: servers, robots, modems, and where each person is found.

Secrets are never in the file: a key that ends in ``_env`` names the environment variable that holds one.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from alerting.channels.email import Encryption
from alerting.channels.provider_sms.templates import TemplateField
from alerting.fields import DevicePath, Email, ServerAddress, Telephone, WebAddress
from district.environment import EnvName
from district.fields import Slug, Spec

ChannelName = Literal[
    "console",
    "webhook",
    "email",
    "dingtalk",
    "wecom",
    "feishu",
    "modem-sms",
    "modem-call",
    "aliyun-sms",
    "tencent-sms",
    "apprise",
]

SET_UP_BY: Mapping[str, str] = {
    "email": "smtp",
    "webhook": "webhook",
    "dingtalk": "dingtalk",
    "wecom": "wecom",
    "feishu": "feishu",
    "modem-sms": "modem",
    "modem-call": "modem",
    "aliyun-sms": "aliyun",
    "tencent-sms": "tencent",
    "apprise": "apprise",
}
"""The block of contacts.yaml that a channel needs; the console needs none."""

NAMED_IN: Mapping[str, tuple[str, str]] = {
    "dingtalk": ("robots", "robot"),
    "wecom": ("robots", "robot"),
    "feishu": ("robots", "robot"),
    "apprise": ("services", "service"),
}
"""Channels whose address is a name from a table in their block: the table, and what it is a table of."""


_BY_TELEPHONE = frozenset({"modem-sms", "modem-call", "aliyun-sms", "tencent-sms"})


class ChannelsSpec(Spec):
    """What reaches a person."""

    console: bool = False
    email: Email | None = None
    webhook: WebAddress | None = None
    telephone: Telephone | None = Field(default=None, description="For short messages and calls.")
    dingtalk: Slug | None = Field(default=None, description="A robot of the dingtalk block.")
    wecom: Slug | None = Field(default=None, description="A robot of the wecom block.")
    feishu: Slug | None = Field(default=None, description="A robot of the feishu block.")

    apprise: Slug | None = Field(default=None, description="A service of the apprise block.")

    def address(self, channel: str) -> str | None:
        """Where ``channel`` finds the person; none if it does not."""
        if channel == "console":
            return "" if self.console else None
        found: str | None = getattr(self, "telephone" if channel in _BY_TELEPHONE else channel, None)
        return found


class SmtpSpec(Spec):
    """The server that takes our mail."""

    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65535)
    sender: Email = Field(alias="from")
    encryption: Encryption = "auto"
    username: str | None = None
    password_env: EnvName | None = None


class WebhookSpec(Spec):
    """How receivers know that a message is ours."""

    secret_env: EnvName = Field(description="The variable that holds the signing secret.")


class SignedRobotSpec(Spec):
    """A robot of one group, with a token in its address and, better, a signature."""

    token_env: EnvName = Field(description="The variable that holds the token at the end of its address.")
    secret_env: EnvName | None = Field(
        default=None, description="The variable that holds its signing secret (加签 / 签名校验)."
    )


class WecomRobotSpec(Spec):
    """A robot of one group; whoever knows its key may post."""

    key_env: EnvName = Field(description="The variable that holds what follows key= in its address.")


class DingtalkSpec(Spec):
    """DingTalk's group robots."""

    server: ServerAddress = "https://oapi.dingtalk.com"
    robots: dict[Slug, SignedRobotSpec] = Field(min_length=1)


class WecomSpec(Spec):
    """WeCom's group robots."""

    server: ServerAddress = "https://qyapi.weixin.qq.com"
    robots: dict[Slug, WecomRobotSpec] = Field(min_length=1)


class FeishuSpec(Spec):
    """Feishu's group robots; Lark's are at https://open.larksuite.com."""

    server: ServerAddress = "https://open.feishu.cn"
    robots: dict[Slug, SignedRobotSpec] = Field(min_length=1)


class AliyunSpec(Spec):
    """Short messages by Aliyun: an account and a template that it has approved."""

    server: ServerAddress = "https://dysmsapi.aliyuncs.com"
    access_key_id_env: EnvName
    access_key_secret_env: EnvName
    sign_name: str = Field(min_length=1, description="The approved signature, without its brackets.")
    template: str = Field(pattern=r"^SMS_[0-9]+$")
    variables: dict[str, TemplateField] = Field(
        default_factory=dict, description="What each variable of the template stands for."
    )
    longest: int = Field(default=35, ge=2, description="Characters that a variable may have.")


class TencentSpec(Spec):
    """Short messages by Tencent Cloud: an application and a template that it has approved."""

    server: ServerAddress = "https://sms.tencentcloudapi.com"
    region: str = Field(default="ap-guangzhou", pattern=r"^[a-z]+(-[a-z0-9]+)+$")
    secret_id_env: EnvName
    secret_key_env: EnvName
    app_id: str = Field(pattern=r"^[0-9]{10}$", description="SdkAppId, in quotes.")
    sign_name: str = Field(min_length=1, description="The approved signature, without its brackets.")
    template: str = Field(pattern=r"^[0-9]+$", description="The template's number, in quotes.")
    variables: tuple[TemplateField, ...] = Field(
        default=(), description="What {1}, {2} and so on of the template stand for."
    )
    longest: int = Field(default=12, ge=2, description="Characters that a variable may have.")


class AppriseServiceSpec(Spec):
    """One service of the long tail."""

    url_env: EnvName = Field(description="The variable that holds its URL, as apprise writes them.")


class AppriseSpec(Spec):
    """Services by apprise: needs ``pip install tocsin[apprise]``."""

    services: dict[Slug, AppriseServiceSpec] = Field(min_length=1)


class ModemSpec(Spec):
    """A GSM modem on a serial port of this machine."""

    port: DevicePath = Field(description="A path that survives a restart, as in /dev/serial/by-id/….")
    baud: int = Field(default=115200, ge=1200, le=4_000_000)
    pin_env: EnvName | None = Field(default=None, description="The variable that holds the SIM's PIN.")


class ChannelSettings(Spec):
    """The blocks of contacts.yaml that set channels up."""

    smtp: SmtpSpec | None = None
    webhook: WebhookSpec | None = None
    dingtalk: DingtalkSpec | None = None
    wecom: WecomSpec | None = None
    feishu: FeishuSpec | None = None
    modem: ModemSpec | None = None
    aliyun: AliyunSpec | None = None
    tencent: TencentSpec | None = None
    apprise: AppriseSpec | None = None
