"""``python -m bench [NAME...]``: run the benchmarks, all or those named."""

import json
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench import (
    answer_to_receipt,
    collector,
    collector_year,
    console,
    console_pages,
    decoders,
    edge_bus,
    edge_load,
    rules_backtest,
    rules_latency,
    rules_live,
    rules_reload,
)

BENCHES: dict[str, Callable[[], dict[str, object]]] = {
    "answer-to-receipt": answer_to_receipt.main,
    "collector": collector.main,
    "collector-year": collector_year.main,
    "console": console.main,
    "console-pages": console_pages.main,
    "decoders": decoders.main,
    "edge-bus": edge_bus.main,
    "edge-load": edge_load.main,
    "rules-backtest": rules_backtest.main,
    "rules-latency": rules_latency.main,
    "rules-live": rules_live.main,
    "rules-reload": rules_reload.main,
}
RESULTS = Path(__file__).parent / "results"


def main(names: list[str]) -> int:
    """Run benchmarks and write each one's figures beside the machine's name."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    RESULTS.mkdir(exist_ok=True)
    for name in names or BENCHES:
        result = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{platform.processor() or platform.machine()}, {platform.platform()}",
            "python": platform.python_version(),
            **BENCHES[name](),
        }
        (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
