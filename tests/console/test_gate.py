"""Who comes in: signing in, lock-out, second factors, links that work once."""

import ssl
from pathlib import Path

import pytest

from alerting.ledger import read_sealed, verify
from console.accounts import Account
from console.proofs import totp_code
from console.register import FILE_NAME
from console.roles import Role
from tests.console.houses import PHRASE, Browser, House, open_house
from tocsin.certs import make_certificates

FIRST = {
    part: {"name": name, "title": name, "password": f"{name} password"}
    for part, name in (("administrator", "ada"), ("security", "sam"), ("auditor", "axel"))
}


async def test_nobody_sees_anything_without_signing_in(house: House) -> None:
    browser = await house.browser()

    for path in ("now", "cases", "district", "events", "latest", "session", "rights", "audit"):
        assert (await browser.get(f"/api/v1/{path}")).status_code == 401, path


async def test_signing_in_gives_a_cookie_that_scripts_cannot_read(house: House) -> None:
    await house.account(Role.OPERATOR)
    browser = await house.browser()

    answer = await browser.signs_in("operator")

    assert answer.json()["role"] == "operator"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert (await browser.get("/api/v1/now")).status_code == 200


async def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(house: House) -> None:
    await house.account(Role.VIEWER)
    browser = await house.browser()

    wrong = await browser.signs_in("viewer", phrase="something else")
    unknown = await browser.signs_in("nobody", phrase="something else")

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


async def test_five_wrong_passwords_lock_an_account_for_a_quarter_of_an_hour(house: House) -> None:
    await house.account(Role.VIEWER)
    browser = await house.browser()
    for _ in range(5):
        assert (await browser.signs_in("viewer", phrase="guess number one")).status_code == 401

    assert (await browser.signs_in("viewer")).status_code == 429  # the right one does not help now
    house.wall.now_s += 899
    assert (await browser.signs_in("viewer")).status_code == 429
    house.wall.now_s += 2
    assert (await browser.signs_in("viewer")).status_code == 200


async def test_an_address_that_tries_too_often_waits(house: House) -> None:
    browser = await house.browser()
    answers = [
        (await browser.signs_in(f"nobody-{n}", phrase="guess number one")).status_code for n in range(21)
    ]

    assert answers == [401] * 20 + [429]
    house.wall.now_s += 61
    assert (await browser.signs_in("nobody", phrase="guess number one")).status_code == 401


async def test_a_request_that_another_page_made_is_refused(house: House) -> None:
    browser = await house.visitor(Role.OPERATOR)
    del browser.headers["x-csrf"]

    forged = await browser.post("/api/v1/threads/flood--river-01/shelve", json={"reason": "x", "hours": 1})
    mistaken = await browser.post(
        "/api/v1/threads/flood--river-01/shelve", json={"reason": "x", "hours": 1}, headers={"x-csrf": "no"}
    )

    assert forged.status_code == mistaken.status_code == 403


async def test_a_session_ends_with_the_shift_and_by_signing_out(house: House) -> None:
    browser = await house.visitor(Role.VIEWER)
    assert (await browser.delete("/api/v1/session")).status_code == 200
    assert (await browser.get("/api/v1/now")).status_code == 401

    again = await house.visitor(Role.VIEWER)
    house.wall.now_s += 12 * 3600 + 1
    assert (await again.get("/api/v1/now")).status_code == 401


async def test_an_approver_enrols_a_second_factor_before_anything_else(house: House) -> None:
    await house.account(Role.APPROVER)
    register = house.opening.office.register
    account = register.find(Account, "approver")
    assert account is not None
    fresh = Account(
        name="fresh", title="", role=Role.APPROVER, areas=("linjiang",), password=account.password
    )
    await register.keep(fresh)
    browser = await house.browser()

    secret = (await browser.signs_in("fresh")).json()["enrol"]["secret"]
    assert (await browser.get("/api/v1/now")).status_code == 403
    assert (await browser.post("/api/v1/session/second", json={"code": "000000"})).status_code == 401
    code = totp_code(secret, int(house.wall.now_s) // 30)
    assert (await browser.post("/api/v1/session/second", json={"code": code})).status_code == 200
    assert (await browser.get("/api/v1/now")).status_code == 200

    other = await house.browser()
    assert (await other.signs_in("fresh")).json()["code"] == "code-needed"
    assert (await other.signs_in("fresh", code=code)).status_code == 401  # it was used
    house.wall.now_s += 30
    assert (await other.signs_in("fresh", code=house.code("fresh"))).status_code == 200


async def test_the_first_link_makes_three_accounts_once(house: House) -> None:
    word = house.opening.first_word
    browser = await house.browser()

    same = {**FIRST, "auditor": FIRST["security"]}
    assert (await browser.post("/api/v1/begin", json={"word": word, **same})).status_code == 400
    assert (await browser.post("/api/v1/begin", json={"word": "another", **FIRST})).status_code == 403
    assert (await browser.post("/api/v1/begin", json={"word": word, **FIRST})).status_code == 200
    assert (await browser.post("/api/v1/begin", json={"word": word, **FIRST})).status_code == 403
    assert {one.role for one in house.opening.office.register.every(Account)} == {
        Role.ADMINISTRATOR,
        Role.SECURITY,
        Role.AUDITOR,
    }


async def test_an_account_is_made_by_one_and_given_its_rights_by_another(house: House) -> None:
    administrator, security = await house.visitor(Role.ADMINISTRATOR), await house.visitor(Role.SECURITY)
    made = await administrator.post("/api/v1/accounts", json={"name": "wei", "title": "魏"})
    word = made.json()["word"]
    owner = await house.browser()
    assert (
        await owner.post("/api/v1/invitation", json={"word": word, "password": PHRASE})
    ).status_code == 200
    assert (await owner.signs_in("wei")).status_code == 401  # nobody gave it rights yet

    rights = {"role": "operator", "areas": ["qingshan-town"], "person": "qingshan-duty"}
    assert (await administrator.put("/api/v1/rights/wei", json=rights)).status_code == 403
    assert (await security.put("/api/v1/rights/wei", json=rights)).status_code == 200
    assert (await owner.signs_in("wei")).json()["areas"] == ["qingshan-town"]
    assert (
        await owner.post("/api/v1/invitation", json={"word": word, "password": PHRASE})
    ).status_code == 403


async def test_new_rights_end_the_sessions_of_the_old(house: House) -> None:
    browser, security = await house.visitor(Role.OPERATOR), await house.visitor(Role.SECURITY)
    name = (await browser.get("/api/v1/session")).json()["name"]

    await security.put(f"/api/v1/rights/{name}", json={"role": "viewer", "areas": ["linjiang"], "person": ""})

    assert (await browser.get("/api/v1/now")).status_code == 401


async def test_nobody_gives_themselves_rights(house: House) -> None:
    security = await house.visitor(Role.SECURITY)
    name = (await security.get("/api/v1/session")).json()["name"]

    answer = await security.put(f"/api/v1/rights/{name}", json={"role": "auditor", "areas": ["linjiang"]})

    assert answer.status_code == 403


async def test_who_answers_warnings_is_somebody_in_the_contacts(house: House) -> None:
    await house.account(Role.VIEWER)
    security = await house.visitor(Role.SECURITY)

    for person in ("", "nobody-known"):
        rights = {"role": "responder", "areas": ["linjiang"], "person": person}
        assert (await security.put("/api/v1/rights/viewer", json=rights)).status_code == 400


async def test_a_token_opens_a_wall_that_only_sees_until_it_is_withdrawn(house: House) -> None:
    security = await house.visitor(Role.SECURITY)
    made = await security.post("/api/v1/tokens", json={"name": "hall", "areas": ["linjiang"], "days": 1})
    wall = await house.browser()
    opened = await wall.post("/api/v1/session/wall", json={"word": made.json()["word"]})
    wall.headers["x-csrf"] = opened.json()["csrf"]

    assert (await wall.get("/api/v1/cases")).status_code == 200
    assert (await wall.post("/api/v1/cases/1234/ack", json={})).status_code == 403
    await security.delete("/api/v1/tokens/hall")
    assert (await wall.get("/api/v1/cases")).status_code == 401


async def test_everything_is_on_record_and_the_record_is_whole(house: House) -> None:
    await house.account(Role.VIEWER)
    browser = await house.browser()
    await browser.signs_in("viewer", phrase="a wrong password")
    await browser.signs_in("viewer")
    await browser.delete("/api/v1/session")
    path = house.state / "console" / FILE_NAME

    told = [(entry.body["who"], entry.body["what"]) for entry in read_sealed(path)]

    assert told[-3:] == [("viewer", "failed to sign in"), ("viewer", "signed in"), ("viewer", "signed out")]
    assert verify(path) is None
    assert PHRASE not in path.read_bytes().decode("latin-1")
    assert "a wrong password" not in path.read_bytes().decode("latin-1")


@pytest.mark.parametrize("name", ["ada lovelace", "a" * 300])
async def test_a_name_that_cannot_be_is_refused_in_time(house: House, name: str) -> None:
    browser = await house.browser()

    assert (await browser.signs_in(name)).status_code in (401, 422)


async def test_over_tls_the_cookie_goes_nowhere_else(tmp_path: Path) -> None:
    certs = tmp_path / "certs"
    make_certificates(certs, district="linjiang", gateways=[])
    async with open_house(tmp_path, certs=certs) as house:
        await house.account(Role.VIEWER)
        trust = ssl.create_default_context(cafile=certs / "authority.pem")
        async with Browser(base_url=house.url, verify=trust) as browser:
            answer = await browser.signs_in("viewer")

    assert house.url.startswith("https://")
    assert answer.status_code == 200
    assert "secure" in answer.headers["set-cookie"].lower()
