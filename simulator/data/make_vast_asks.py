#!/usr/bin/env python3
"""Makes vast_asks.csv, one row per machine and snapshot day, from the raw Vast.ai offers.

Usage: make_vast_asks.py OFFERS.csv ASKS.csv

Needs nothing but Python's standard library; the same input gives the same bytes.
README.md beside this file says what the columns mean and why rows are left out.
"""

import csv
import sys
from collections import Counter, defaultdict
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from statistics import median

MODEL_CODES = {
    "A100 PCIE": "A100PCIE",
    "H100 PCIE": "H100PCIE",
    "H100 SXM": "H100SXM",
    "H200": "H200",
    "H200 NVL": "H200NVL",
    "L40S": "L40S",
    "RTX 4090": "RTX4090",
    "Tesla V100": "V100",
}
COLUMNS = ["day", "provider", "machine", "model", "region", "machine_units", "units", "price", "reserve", "hours"]
NOISE = Decimal("0.000000001")
MILLIONTH = Decimal("0.000001")
OUTLIER_TIMES_MEDIAN = 10


def per_unit(total, units):
    """USD per accelerator-hour, rounded up to a millionth once the noise of binary fractions is gone."""
    exact = (Decimal(total) / units).quantize(NOISE, ROUND_HALF_EVEN)
    return exact.quantize(MILLIONTH, ROUND_CEILING)


def one(values, what, key):
    """The one value all nested offers of a machine agree on."""
    distinct = set(values)
    if len(distinct) != 1:
        sys.exit(f"machine {key}: one {what} expected, found {sorted(distinct)}")
    return distinct.pop()


def machine_ask(key, offers):
    """One machine's nested offers as one row: its largest offer contains the smaller ones."""
    largest = max(offers, key=lambda offer: int(offer["num_gpus"]))
    units = int(largest["num_gpus"])
    machine_units = one((round(int(o["num_gpus"]) / float(o["gpu_frac"])) for o in offers), "GPU count", key)
    if units > machine_units:
        sys.exit(f"machine {key}: offers {units} GPUs of {machine_units}")
    price = one((per_unit(o["dph_base"], int(o["num_gpus"])) for o in offers), "price", key)
    snapshot = datetime.fromisoformat(largest["snapshot_utc"]).timestamp()
    end = float(one((o["end_date"] for o in offers), "term end", key))
    return {
        "day": key[0],
        "provider": int(one((o["host_id"] for o in offers), "host", key)),
        "machine": key[1],
        "model": MODEL_CODES[one((o["gpu_name"] for o in offers), "GPU model", key)],
        "region": one((o["country"] for o in offers), "country", key),
        "machine_units": machine_units,
        "units": units,
        "price": price,
        "reserve": min(per_unit(largest["min_bid"], units), price),
        "hours": int((end - snapshot) // 3600),
    }


def main(offers_path, asks_path):
    machines = defaultdict(list)
    snapshots = defaultdict(set)
    with open(offers_path, newline="", encoding="utf-8") as file:
        for offer in csv.DictReader(file):
            day = offer["snapshot_utc"][:10]
            snapshots[day].add(offer["snapshot_utc"])
            machines[day, int(offer["machine_id"])].append(offer)
    for day, stamps in snapshots.items():
        one(stamps, "snapshot", day)

    asks = [machine_ask(key, offers) for key, offers in sorted(machines.items())]
    prices = defaultdict(list)
    for ask in asks:
        prices[ask["model"]].append(ask["price"])

    kept, dropped = [], Counter()
    for ask in asks:
        if not ask["region"]:
            dropped["no country"] += 1
        elif ask["price"] > OUTLIER_TIMES_MEDIAN * median(prices[ask["model"]]):
            dropped["outlier price"] += 1
        elif ask["hours"] < 1:
            dropped["less than an hour left"] += 1
        else:
            kept.append(ask)

    with open(asks_path, "w", newline="", encoding="ascii") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
    print(f"{len(asks)} machine-days, {len(kept)} kept, dropped: {dict(dropped)}", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
