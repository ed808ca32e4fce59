"""Opening the channels that the contacts set up, each with the secrets it needs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp

from alerting.channels.channel import Channel
from alerting.channels.console import open_console
from alerting.channels.dingtalk import DingtalkApi
from alerting.channels.email import EmailChannel, SmtpSettings
from alerting.channels.feishu import FeishuApi
from alerting.channels.modem.channels import open_modem_channels
from alerting.channels.modem.modem import ModemSettings
from alerting.channels.provider_sms.aliyun import AliyunSettings, AliyunSms
from alerting.channels.provider_sms.tencent import TencentSettings, TencentSms
from alerting.channels.replies import LoggedReplies, Replies
from alerting.channels.robots import Robot, RobotChannel
from alerting.channels.settings import ChannelSettings, SignedRobotSpec, SmtpSpec
from alerting.channels.webhook import WebhookChannel
from alerting.channels.wecom import WecomApi
from alerting.errors import ChannelSetupError


@asynccontextmanager
async def open_channels(
    settings: ChannelSettings,
    *,
    console: Path,
    echo: bool,
    secrets: Mapping[str, str],
    smtp: SmtpSettings | None = None,
    replies: Replies | None = None,
) -> AsyncIterator[Mapping[str, Channel]]:
    """Every channel that is set up, by the name that routes use.

    Args:
        settings: The blocks of contacts.yaml.
        console: The console channel's file.
        echo: Whether console messages are said on standard output too.
        secrets: What ``*_env`` in the settings names.
        smtp: In the place of the configured mail server.
        replies: Takes what people answer; without it, that is only logged.

    Raises:
        ChannelSetupError: A secret is not given.
        OSError: The console's file cannot be written.
    """
    vault = _Vault(secrets)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        channels: dict[str, Channel] = {
            "console": await stack.enter_async_context(open_console(console, echo=echo)),
            **_web_channels(settings, http, vault),
            **_provider_sms(settings, http, vault),
        }
        mail = smtp or (None if settings.smtp is None else _smtp(settings.smtp, vault))
        if mail is not None:
            channels["email"] = EmailChannel(mail)
        if settings.apprise is not None:
            urls = {name: vault.open(spec.url_env) for name, spec in settings.apprise.services.items()}
            channels["apprise"] = await stack.enter_async_context(_open_apprise(urls))
        if (modem := settings.modem) is not None:
            carried = await stack.enter_async_context(
                open_modem_channels(
                    ModemSettings(port=modem.port, baud=modem.baud, pin=vault.open_if_named(modem.pin_env)),
                    replies or LoggedReplies(),
                )
            )
            channels |= {"modem-sms": carried.sms, "modem-call": carried.call}
        yield channels


def _open_apprise(urls: Mapping[str, str]) -> AbstractAsyncContextManager[Channel]:
    try:
        from alerting.channels.longtail import open_apprise  # noqa: PLC0415  (an extra that few install)
    except ImportError as exc:
        raise ChannelSetupError("apprise is not installed: pip install 'tocsin[apprise]'") from exc
    return open_apprise(urls)


class _Vault:
    """Secrets by the names of their variables."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = secrets

    def open(self, name: str) -> str:
        secret = self._secrets.get(name)
        if not secret:
            raise ChannelSetupError(f"contacts.yaml needs the environment variable {name}, which is not set")
        return secret

    def open_if_named(self, name: str | None) -> str | None:
        return None if name is None else self.open(name)


def _web_channels(
    settings: ChannelSettings, http: aiohttp.ClientSession, vault: _Vault
) -> Mapping[str, Channel]:
    channels: dict[str, Channel] = {}
    if settings.webhook is not None:
        secret = vault.open(settings.webhook.secret_env).encode()
        channels["webhook"] = WebhookChannel(http, secret=secret)
    if (dingtalk := settings.dingtalk) is not None:
        robots = _signed_robots(dingtalk.robots, vault)
        channels["dingtalk"] = RobotChannel(http, DingtalkApi(), dingtalk.server, robots)
    if (feishu := settings.feishu) is not None:
        robots = _signed_robots(feishu.robots, vault)
        channels["feishu"] = RobotChannel(http, FeishuApi(), feishu.server, robots)
    if (wecom := settings.wecom) is not None:
        robots = {name: Robot(token=vault.open(spec.key_env)) for name, spec in wecom.robots.items()}
        channels["wecom"] = RobotChannel(http, WecomApi(), wecom.server, robots)
    return channels


def _provider_sms(
    settings: ChannelSettings, http: aiohttp.ClientSession, vault: _Vault
) -> Mapping[str, Channel]:
    channels: dict[str, Channel] = {}
    if (aliyun := settings.aliyun) is not None:
        channels["aliyun-sms"] = AliyunSms(
            http,
            AliyunSettings(
                access_key_id=vault.open(aliyun.access_key_id_env),
                access_key_secret=vault.open(aliyun.access_key_secret_env),
                sign_name=aliyun.sign_name,
                template=aliyun.template,
                variables=aliyun.variables,
                longest=aliyun.longest,
                server=aliyun.server,
            ),
        )
    if (tencent := settings.tencent) is not None:
        channels["tencent-sms"] = TencentSms(
            http,
            TencentSettings(
                secret_id=vault.open(tencent.secret_id_env),
                secret_key=vault.open(tencent.secret_key_env),
                app_id=tencent.app_id,
                sign_name=tencent.sign_name,
                template=tencent.template,
                variables=tencent.variables,
                longest=tencent.longest,
                region=tencent.region,
                server=tencent.server,
            ),
        )
    return channels


def _signed_robots(specs: Mapping[str, SignedRobotSpec], vault: _Vault) -> Mapping[str, Robot]:
    return {
        name: Robot(token=vault.open(spec.token_env), secret=vault.open_if_named(spec.secret_env))
        for name, spec in specs.items()
    }


def _smtp(spec: SmtpSpec, vault: _Vault) -> SmtpSettings:
    return SmtpSettings(
        host=spec.host,
        port=spec.port,
        sender=spec.sender,
        encryption=spec.encryption,
        username=spec.username,
        password=vault.open_if_named(spec.password_env),
    )
