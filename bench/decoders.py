"""How many frames a second each decoder reads, beside what a serial line at 115200 baud can carry."""

import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

from edge import exchanges, nmea, plantower, sdi12, vaisala
from edge.hj212 import telegrams as hj212
from edge.sl427 import telegrams as sl427
from edge.sl651 import bodies as sl651

_CHINA = ZoneInfo("Asia/Shanghai")
_CHARS_S = 115_200 / 10
_FOR_S = 1.0

_HJ212 = (
    b"##0317QN=20191018104952418;ST=22;CN=2011;PW=123456;MN=ZX00001;Flag=5;CP=&&DataTime=20191018104900;"
    b"a34002-Rtd=30,a34002-Flag=N;a34004-Rtd=25,a34004-Flag=N;a01001-Rtd=13.5,a01001-Flag=N;"
    b"a01002-Rtd=43.8,a01002-Flag=N;a01008-Rtd=30,a01008-Flag=N;a01007-Rtd=3.5,a01007-Flag=N;"
    b"a34001-Rtd=132,a34001-Flag=N;LA-Rtd=66.8,LA-Flag=N&&AF01"
)
_SL651 = bytes.fromhex(
    "7E7E2500418D23370000320030020C06230601010314F1F100418D23374BF0F0230601010020190000003B23000378652219"
    "000000261900000038121285035AC6"
)
_SL427 = bytes.fromhex("681568B40102030405C05545040020700030151412052600AD16")
_NMEA = b"$WIMDA,3.02,I,1.01,B,23.4,C,,,40.2,,12.1,C,19.3,T,20.1,M,13.1,N,1.1,M*62"
_VAISALA = b"0R0,Dm=051D,Sm=0.1M,Ta=27.9C,Ua=39.4P,Pa=1003.2H,Rc=0.00M,Th=28.1C,Vh=0.0N"
_PLANTOWER = bytes.fromhex("424d001c0005000d00160005000d001602fd00fc001d000f00060006970003c5")
_ASKED, _ANSWERED = bytes.fromhex("500300340001c845"), bytes.fromhex("500302070b067f")

_DECODERS: dict[str, tuple[Callable[[], object], int]] = {
    "hj212": (lambda: hj212.decode(_HJ212, _CHINA), len(_HJ212)),
    "sl651": (lambda: sl651.decode(_SL651, _CHINA), len(_SL651)),
    "sl427": (lambda: sl427.decode(_SL427, _CHINA), len(_SL427)),
    "sdi12": (lambda: sdi12.decode(b"0+3.14+2.718+1.414Ipz"), 21),
    "nmea": (lambda: nmea.decode(_NMEA), len(_NMEA)),
    "vaisala": (lambda: vaisala.decode(_VAISALA), len(_VAISALA)),
    "plantower": (lambda: plantower.decode(_PLANTOWER), len(_PLANTOWER)),
    "modbus-rtu": (lambda: exchanges.decode_rtu(_ASKED, _ANSWERED), len(_ASKED) + len(_ANSWERED)),
}


def main() -> dict[str, object]:
    """Decode published frames for a second each."""
    figures: dict[str, object] = {}
    print(f"{'protocol':<12}{'frames/s':>12}{'line/s':>10}{'times':>8}")
    for name, (decode, length) in _DECODERS.items():
        frames_s = _rate(decode)
        line_s = _CHARS_S / length
        figures[name] = {"frames_s": round(frames_s), "line_frames_s": round(line_s)}
        print(f"{name:<12}{frames_s:>12,.0f}{line_s:>10,.0f}{frames_s / line_s:>8,.0f}")
    return {"line": "115200-8N1", "decoders": figures}


def _rate(decode: Callable[[], object]) -> float:
    count, started_s = 0, time.perf_counter()
    while (elapsed_s := time.perf_counter() - started_s) < _FOR_S:
        for _ in range(100):
            decode()
        count += 100
    return count / elapsed_s
