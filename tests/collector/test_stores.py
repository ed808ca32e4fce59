"""Opening the store that the district names."""

from pathlib import Path

import pytest

from collector.errors import StoreSettingsError
from collector.influx1 import Influx1Store as Influx1Client
from collector.sqlite import SqliteStore as SqliteFile
from collector.stores import open_store
from district.devices import Influx1Store, InfluxStore, SqliteStore
from district.inventory import District

INFLUX2 = InfluxStore(kind="influx", url="http://db:8086", org="o", bucket="b", token_env="DB_SECRET")  # noqa: S106
INFLUX1 = Influx1Store(
    kind="influx1",
    url="http://db:8086",
    database="d",
    username="tocsin",
    password_env="DB_SECRET",  # noqa: S106
)


async def test_the_embedded_store_lies_in_the_state_folder(district: District, tmp_path: Path) -> None:
    async with open_store(SqliteStore(), district=district, state_dir=tmp_path) as store:
        assert isinstance(store, SqliteFile)
        assert (tmp_path / "store.sqlite").exists()


@pytest.mark.parametrize("settings", [INFLUX1, INFLUX2])
async def test_a_missing_secret_is_named(
    settings: Influx1Store | InfluxStore, district: District, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DB_SECRET", raising=False)

    with pytest.raises(StoreSettingsError, match="DB_SECRET"):
        async with open_store(settings, district=district, state_dir=tmp_path):
            pass


async def test_a_server_need_not_be_up_to_begin(
    district: District, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_SECRET", "secret")
    async with open_store(INFLUX1, district=district, state_dir=tmp_path) as store:
        assert isinstance(store, Influx1Client)
