#!/usr/bin/env python3
"""Recomputes a bill from an export of usage, without Terrace and without floats.

    terrace usage export llm_usage.jsonl
    scripts/recompute_usage.py llm_usage.jsonl [--price MODEL=INPUT,OUTPUT[,PER_REQUEST]]...

Prints totals as JSON; all money is whole nano-USD. A price is in nano-USD per million tokens: with
it every row of the model is computed again from its tokens, rounded up as Terrace does, and a row
that says anything else makes the exit code 1. Prompt-cache discounts are not recomputed.
"""

import argparse
import json
import sys
from collections import defaultdict

MILLION = 1_000_000


def price(text):
    model, _, numbers = text.rpartition("=")
    parts = [int(number) for number in numbers.split(",")]
    if not model or not 2 <= len(parts) <= 3 or min(parts) < 0:
        raise argparse.ArgumentTypeError("is no MODEL=INPUT,OUTPUT[,PER_REQUEST]")
    return model, (parts + [0])[:3]


def cost(row, prices):
    """What the tokens of a row cost, rounded up to the next nano-USD."""
    per_input, per_output, per_request = prices
    tokens = row["input_tokens"] * per_input + row["output_tokens"] * per_output
    return -(-tokens // MILLION) + per_request


def total(rows, prices):
    sums = {"rows": 0, "cost_nano_usd": 0, "baseline_nano_usd": 0, "answered": 0}
    sums |= {"input_tokens": 0, "output_tokens": 0}
    tiers = defaultdict(int)
    seen, wrong = set(), []
    for row in rows:
        key = (row["request_id"], row["step"])
        if key in seen:
            wrong.append(f"{key}: twice")
        seen.add(key)
        sums["rows"] += 1
        sums["answered"] += row["answered"]
        sums["input_tokens"] += row["input_tokens"]
        sums["output_tokens"] += row["output_tokens"]
        sums["cost_nano_usd"] += row["cost_nano_usd"]
        sums["baseline_nano_usd"] += row["baseline_nano_usd"] or 0
        tiers[row["tier"]] += row["cost_nano_usd"]
        was_called = row["outcome"] not in ("skipped", "failed", "presumed")
        if row["model"] in prices and was_called:
            expected = cost(row, prices[row["model"]])
            if expected != row["cost_nano_usd"]:
                wrong.append(f"{key}: costs {row['cost_nano_usd']}, its tokens say {expected}")
    sums["savings_nano_usd"] = sums["baseline_nano_usd"] - sums["cost_nano_usd"]
    sums["cost_by_tier_nano_usd"] = dict(sorted(tiers.items()))
    return sums, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", help="export as JSON lines; - for standard input")
    parser.add_argument("--price", type=price, action="append", default=[], metavar="MODEL=I,O[,R]")
    args = parser.parse_args()
    source = sys.stdin if args.file == "-" else open(args.file, encoding="utf-8")
    with source:
        sums, wrong = total(map(json.loads, source), dict(args.price))
    json.dump(sums, sys.stdout, indent=2)
    print()
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
