"""Passwords, codes and words."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.errors import ConsoleError
from console.proofs import fingerprint, hash_password, is_password, new_word, totp_code, totp_step

SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("now_s", "code"),
    [  # RFC 6238, appendix B, SHA-1: the last six of its eight digits
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(now_s: int, code: str) -> None:
    assert totp_code(SECRET, now_s // 30) == code
    assert totp_step(SECRET, code, now_s=now_s, after=0) == now_s // 30


@given(now_s=st.integers(10_000, 10**10), steps=st.integers(-5, 5))
def test_a_code_is_taken_one_step_around_its_own_and_only_once(now_s: int, steps: int) -> None:
    step = now_s // 30
    code = totp_code(SECRET, step + steps)
    found = totp_step(SECRET, code, now_s=now_s, after=0)

    if abs(steps) <= 1:
        assert found is not None
        assert totp_step(SECRET, code, now_s=now_s, after=step + 1) is None
    else:  # six digits may fall together by chance
        assert found is None or totp_code(SECRET, found) == code


def test_a_password_is_known_again_and_never_kept() -> None:
    kept = hash_password("correct horse battery")

    assert is_password(kept, "correct horse battery")
    assert not is_password(kept, "correct horse batterz")
    assert not is_password(None, "correct horse battery")
    assert "horse" not in kept
    assert kept.startswith("$argon2id$")


@pytest.mark.parametrize("password", ["", "short", "nine char", "x" * 257])
def test_a_password_that_is_too_short_or_endless_is_refused(password: str) -> None:
    with pytest.raises(ConsoleError):
        hash_password(password)


def test_a_word_cannot_be_told_from_what_is_kept_of_it() -> None:
    word = new_word()

    assert len(word) >= 43
    assert word not in fingerprint(word)
    assert new_word() != word
