"""The signature under a report: Ed25519 over every byte above it, with the public key inside."""

import os
import re
from pathlib import Path

from tocsin.errors import MissingPartError, TocsinError

_MARK = b"\n<!-- tocsin-signature ed25519 "
_TAIL = re.compile(rb"key=([0-9a-f]{64}) signature=([0-9a-f]{128}) -->\n")  # one spelling: base64 has several

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
except ImportError as exc:
    raise MissingPartError("to sign and verify reports: pip install 'tocsin[report]'") from exc


class SignatureError(TocsinError):
    """A document is not signed, or not the one that was."""


def signing_key(path: Path) -> Ed25519PrivateKey:
    """The key kept at ``path``, readable by its owner alone; it is made when absent.

    Raises:
        TocsinError: What lies there is no such key.
    """
    if not path.exists():
        made = Ed25519PrivateKey.generate()
        pem = made.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
        return made
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as exc:
        raise TocsinError(f"{path} is no key: {exc}; move it away, and a new one is made") from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise TocsinError(f"{path} is no Ed25519 key; move it away, and a new one is made")
    return key


def fingerprint_of(key: Ed25519PublicKey) -> str:
    """What people compare in the place of the key: half of its SHA-256, in hex."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key.public_bytes_raw())
    return digest.finalize()[:16].hex()


def signed(page: str, key: Ed25519PrivateKey) -> bytes:
    """The page with its signature beneath."""
    body = page.encode()
    public, signature = key.public_key().public_bytes_raw(), key.sign(body)
    return body + _MARK + f"key={public.hex()} signature={signature.hex()} -->\n".encode()


def verify(document: bytes) -> str:
    """The fingerprint of the key that signed a document, if not a byte of it has changed since.

    Raises:
        SignatureError: It is not signed, or it was changed.
    """
    body, mark, tail = document.rpartition(_MARK)
    match = _TAIL.fullmatch(tail)
    if not mark or match is None:
        raise SignatureError("there is no signature at its end, or something was added behind it")
    public, signature = (bytes.fromhex(part.decode()) for part in match.groups())
    try:
        key = Ed25519PublicKey.from_public_bytes(public)
        key.verify(signature, body)
    except (InvalidSignature, ValueError) as exc:
        raise SignatureError(
            "the signature does not fit: the report was changed after it was signed"
        ) from exc
    return fingerprint_of(key)
