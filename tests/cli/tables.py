"""A made-up outcome table in which a cheap signal says when the small model is wrong."""

import json

import numpy as np


def write_table(path, rows=160, seed=0):
    """Write it as JSON Lines; gives the path."""
    generator = np.random.default_rng(seed)
    lines = []
    for number in range(rows):
        believed = generator.random()
        small = float(generator.random() < believed)
        large = float(generator.random() < 0.9)
        signals = {"answer_likelihood": round(float(believed), 4)}
        arms = {
            "small": {"quality": small, "cost": 1e-4, "latency": 0.5, "signals": signals},
            "large": {"quality": large, "cost": 1e-2, "latency": 2.0},
        }
        lines.append(json.dumps({"id": f"q{number}", "group": f"g{number // 2}", "arms": arms}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
