"""How much memory a large outcome table takes, and how fast it is read.

    python tests/benchmarks/outcomes_memory.py [--rows 1000000] [--arms 10] [--parquet]

Makes a JSON Lines file of random outcomes (quality, cost, latency, tokens and confidence of every
arm) and reads it in a fresh process. "held" is by how much the process has grown when it has the
table, "peak" by how much at most while it read. Needs Linux, whose /proc tells the sizes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from automix_core import Outcomes

MEGABYTE = 1_000_000
STATUS = Path("/proc/self/status")


def make(path: Path, rows: int, arms: int) -> None:
    """Write a table of random outcomes."""
    rng = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, rows, 10_000):
            count = min(10_000, rows - start)
            numbers = rng.random((count, arms, 4)).round(4).tolist()
            tokens = rng.integers(1, 2_000, (count, arms, 2)).tolist()
            for i in range(count):
                answers = {
                    f"model-{j}": {
                        "quality": quality,
                        "cost": (1 + j) * cost,
                        "latency": latency,
                        "input_tokens": tokens[i][j][0],
                        "output_tokens": tokens[i][j][1],
                        "confidence": confidence,
                    }
                    for j, (quality, cost, latency, confidence) in enumerate(numbers[i])
                }
                file.write(json.dumps({"id": f"q{start + i}", "arms": answers}) + "\n")


def resident(what: str) -> float:
    """The resident size of this process in MB, now ("VmRSS") or at its largest ("VmHWM")."""
    lines = STATUS.read_text(encoding="utf-8").splitlines()
    found = next(line for line in lines if line.startswith(what))
    return int(found.split()[1]) * 1024 / MEGABYTE


def measure(path: Path) -> dict[str, float]:
    """Read the table in this process."""
    before = resident("VmRSS")
    start = time.process_time()
    table = Outcomes.read(path)
    seconds = time.process_time() - start
    after, peak = resident("VmRSS"), resident("VmHWM")
    return {"rows": len(table), "seconds": seconds, "held": after - before, "peak": peak - before}


def shown(path: Path) -> str:
    """One line about one file."""
    command = [sys.executable, __file__, "--read", str(path)]
    found = json.loads(subprocess.check_output(command, text=True))
    return (
        f"{path.name}: {path.stat().st_size / MEGABYTE:,.0f} MB on disk, read in "
        f"{found['seconds']:.1f} s of processor time "
        f"({found['rows'] / found['seconds']:,.0f} rows a second), "
        f"held {found['held']:,.0f} MB, peak {found['peak']:,.0f} MB\n"
    )


def main() -> None:
    """Measure, or be the process that is measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--arms", type=int, default=10)
    parser.add_argument("--parquet", action="store_true", help="also the same table as Parquet")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.read:
        sys.stdout.write(json.dumps(measure(asked.read)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outcomes.jsonl"
        make(path, asked.rows, asked.arms)
        sys.stdout.write(shown(path))
        if asked.parquet:
            start = time.process_time()
            Outcomes.read(path).write(path.with_suffix(".parquet"))
            sys.stdout.write(f"rewritten as Parquet in {time.process_time() - start:.1f} s\n")
            sys.stdout.write(shown(path.with_suffix(".parquet")))


if __name__ == "__main__":
    main()
