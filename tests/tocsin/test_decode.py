"""``tocsin decode``: one JSON object a frame, and whether all were good."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.edge.encoders import nmea_sentence, sdi12_answer
from tocsin.decode import PROTOCOLS, decode_lines


def tocsin(*words: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "tocsin", *words], input=given, capture_output=True, check=False
    )


def objects(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_good_frames_are_printed_one_an_object_and_all_is_well(tmp_path: Path) -> None:
    file = tmp_path / "frames.txt"
    file.write_bytes(b"# a comment\n; another\n\n" + sdi12_answer("0", ["+3.14"], crc=True))

    done = tocsin("decode", "sdi12", str(file))

    assert done.returncode == 0
    assert objects(done.stdout) == [
        {
            "line": 4,
            "ok": True,
            "station": "0",
            "taken_at": None,
            "readings": [{"code": "1", "value": 3.14, "unit": None, "flag": None}],
        }
    ]


def test_a_refused_frame_is_told_of_and_the_others_are_read() -> None:
    done = tocsin("decode", "nmea", given=b"$WIMWV,1,R,2,M,A*00\n" + nmea_sentence("WIMWV,1.0,R,2.0,M,A"))

    refused, read = objects(done.stdout)
    assert done.returncode == 1
    assert refused == {"line": 1, "ok": False, "error": "checksum is 00, should be 23"}
    assert read["ok"]


def test_a_protocol_that_nobody_speaks_is_bad_usage() -> None:
    done = tocsin("decode", "morse")

    assert done.returncode == 2
    assert b"modbus-rtu" in done.stderr


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("line", [b"\xff\xfe", b"zz", b"# ", b"01 02 03", b"\x00" * 40])
def test_no_line_ends_the_command(protocol: str, line: bytes) -> None:
    for decoded in decode_lines(protocol, line):
        assert json.loads(decoded.as_json())["ok"] is False


def test_a_request_may_lack_its_answer_and_pairs_may_be_split_by_blanks_or_tabs() -> None:
    request, answer = "500300340001c845", "500302070b067f"

    lone, blank, tab, three = decode_lines(
        "modbus-rtu",
        f"{request}\n{request} {answer}\r\n{request}\t{answer}\n{request} {answer} {answer}\n".encode(),
    )

    assert lone.error == "no answer"
    assert blank.telegram == tab.telegram is not None
    assert three.error == "holds 3 frames, not a request and its answer"
