"""The e-mail channel: plain text in both languages, the person's own first, handed to an SMTP server."""

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Literal

import aiosmtplib

from alerting.channels.channel import Receipt, ReceiptState, Recipient, Texts, WarningMessage
from alerting.errors import ChannelDownError, ChannelRefusedError
from district.findings import Language

Encryption = Literal["starttls", "tls", "none", "auto"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """The server that takes our mail; ``auto`` encrypts if the server offers it."""

    host: str
    port: int
    sender: str
    encryption: Encryption = "auto"
    username: str | None = None
    password: str | None = None
    timeout_s: float = 20.0

    def __repr__(self) -> str:
        return f"SmtpSettings(host={self.host!r}, port={self.port}, sender={self.sender!r})"


class EmailChannel:
    """Hands each message to one SMTP server over a connection of its own."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings

    async def send(self, warning: WarningMessage, to: Recipient) -> Receipt:
        """Hand the message over once.

        Raises:
            ChannelDownError: No connection, no answer in time, or a 4xx answer.
            ChannelRefusedError: A 5xx answer, such as an unknown mailbox.
        """
        settings = self._settings
        try:
            _, answer = await aiosmtplib.send(
                _write_mail(warning, to, settings.sender),
                hostname=settings.host,
                port=settings.port,
                username=settings.username,
                password=settings.password,
                use_tls=settings.encryption == "tls",
                start_tls={"starttls": True, "auto": None}.get(settings.encryption, False),
                timeout=settings.timeout_s,
            )
        except aiosmtplib.SMTPRecipientsRefused as exc:
            raise _judge(exc.recipients[0].code, exc.recipients[0].message) from exc
        except aiosmtplib.SMTPResponseException as exc:
            raise _judge(exc.code, exc.message) from exc
        except (aiosmtplib.SMTPException, OSError) as exc:  # TimeoutError is an OSError
            raise ChannelDownError(f"email: {exc or type(exc).__name__}") from exc
        return Receipt(ReceiptState.SENT, answer)


def _judge(code: int, words: str) -> ChannelDownError | ChannelRefusedError:
    """RFC 5321, 4.2.1: 4xx may succeed later, 5xx never will; the rest is a server out of its mind."""
    permanent = 500 <= code < 600  # noqa: PLR2004
    return (ChannelRefusedError if permanent else ChannelDownError)(f"email: {code} {words}")


def _write_mail(warning: WarningMessage, to: Recipient, sender: str) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = Address(to.name, addr_spec=to.address)
    mail["Subject"] = warning.texts[to.language].headline
    mail["Date"] = warning.sent
    mail["Message-ID"] = f"<{to.key}@{sender.rpartition('@')[2]}>"
    mail["X-CAP-Identifier"] = warning.identifier
    mail["Auto-Submitted"] = "auto-generated"
    order: tuple[Language, Language] = ("zh", "en") if to.language == "zh" else ("en", "zh")
    mail.set_content("\n\n".join(_write_text(warning.texts[language]) for language in order))
    mail.add_attachment(
        warning.cap_xml, maintype="application", subtype="cap+xml", filename=f"{warning.identifier}.xml"
    )
    return mail


def _write_text(texts: Texts) -> str:
    return f"{texts.headline}\n\n{texts.description}\n\n{texts.instruction}\n"
