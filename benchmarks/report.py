"""Results as a table on the terminal, as JSON, and as the README's table."""

from __future__ import annotations

import json
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from likezip.model import default_model

BEGIN, END = "<!-- benchmark table: begin -->", "<!-- benchmark table: end -->"


def circumstances() -> dict[str, Any]:
    """What the figures depend on."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    model = default_model()
    return {
        "commit": commit or None,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "processor": _processor(),
        "python": platform.python_version(),
        "numba": version("numba"),
        "constriction": version("constriction"),
        "model": model.id.hex(),
        "model_bytes": model.size,
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def table(result: dict[str, Any]) -> str:
    """Markdown: one row for each file and compressor."""
    head = ["file", "bytes", "by", "compressed", "bits/byte", "ratio", "MB/s in", "MB/s out", "over true entropy"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in result["files"]:
        for name, run in row["runs"].items():
            over = f"{100 * (8 * run['bytes'] / row['true_bits'] - 1):.2f} %" if row["true_bits"] else ""
            cells = [
                row["name"],
                row["bytes"],
                name,
                run["bytes"],
                f"{run['bits_per_byte']:.3f}",
                f"{run['ratio']:.2f}",
            ]
            cells += [f"{run['compress_MB_s']:.2f}", f"{run['decompress_MB_s']:.2f}", over]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def bounds(result: dict[str, Any]) -> str:
    """Markdown: for each file likezip's entropy bound, what the coder and the container add, empirical entropies."""
    head = ["file", "cross-entropy, bytes", "coder adds", "container adds", "order-0 bits/byte", "order-2 bits/byte"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in result["files"]:
        bound = row["bound"]
        adds = f"{bound['coder_overhead']:.1f} ({100 * bound['coder_overhead'] / max(bound['cross_entropy'], 1):.3f} %)"
        cells = [row["name"], f"{bound['cross_entropy']:.1f}", adds, int(bound["container"])]
        cells += [f"{row['order0']:.3f}", f"{row['order2']:.3f}"]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def write_readme(readme: Path, result: dict[str, Any]) -> None:
    """Replace what stands between the two markers.  Raises ValueError if they are not there."""
    text = readme.read_text()
    before, found, rest = text.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        raise ValueError(f"{readme} has no markers for the table")
    said = result["circumstances"]
    about = f"{said['processor']}, one thread each; model {said['model']} of {said['model_bytes']:,} bytes not counted."
    parts = [before + BEGIN, about, table(result), bounds(result), END + after]
    readme.write_text("\n\n".join(parts[:-1]) + "\n\n" + parts[-1])


def load(path: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(path.read_text())
    return result
