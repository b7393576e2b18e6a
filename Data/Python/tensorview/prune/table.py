# SPDX-License-Identifier: BSD-3-Clause
"""A plan that was made by looking: which filters go, and into which each is merged, as a table.

It is what the filter SimilarityGroups gives (its table, or that saved as CSV from the spreadsheet),
a row for each filter of a layer, in any order. Columns that are read, others are passed over:

  Filter          its number, from 0; each filter of the layer once
  Representative  into which it is merged: the lowest filter of its group; itself, or -1, where it is
                  not merged
  State           may be missing: -2 pruned, from 0 the filter into which it was merged by then: these
                  have gone from the run already, and go. -1 alive, -3 dead: Representative decides
  Layer           whose filters these are; needed only where nothing else says it
"""

import csv
import os

PRUNED = -2  # TV_FILTER_PRUNED of tensorview/types.h
NOT_MERGED = -1
MOST_BYTES = 1 << 26  # of a file


def read(plan):
    """{layer: {filter: the one into which it is merged, NOT_MERGED where it only goes}, of those that
    go}, and {layer: number of rows}. plan: {layer: table}, or a table, or several, that name their layers;
    a table is the path of a CSV file, or {column: numbers}. ValueError with a sentence that names the
    layer (and the file)."""
    found, rows = {}, {}
    for layer, table in _tables(plan):
        is_path = isinstance(table, (str, os.PathLike))
        what = f"plan of {layer}" if layer else "plan"
        what += f" ({os.fspath(table)})" if is_path else ""
        columns = _from_file(table, what) if is_path else _from_columns(table, what)
        layer = layer or _layer(columns, what)
        if layer in found:
            raise ValueError(f"{what} is of {layer}, which another table is of, too")
        found[layer], rows[layer] = _merges(columns, what)
    return found, rows


def _tables(plan):
    """(layer, table) of each; None where the table itself says which layer it is of."""
    if hasattr(plan, "keys") and "Filter" not in plan.keys():
        tables = [(layer, plan[layer]) for layer in plan.keys()]
    elif isinstance(plan, (list, tuple)):
        tables = [(None, table) for table in plan]
    else:
        tables = [(None, plan)] if isinstance(plan, (str, os.PathLike)) or hasattr(plan, "keys") else []
    if not tables:
        raise ValueError("plan must be {layer: table}, a table being the path of a CSV file or {column: numbers}")
    return tables


def _layer(columns, what):
    names = set(columns.get("Layer", ()))
    if len(names) != 1:
        raise ValueError(f"{what} does not say of which layer it is: {{layer: table}} does, or a column Layer")
    return str(names.pop())


def _from_file(path, what):
    if os.path.getsize(path) > MOST_BYTES:
        raise ValueError(f"{what} is larger than {MOST_BYTES:,} bytes: that is no table of filters")
    try:
        with open(path, newline="", encoding="utf-8") as file:
            lines = list(csv.reader(file))
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{what} is no CSV file: {error}") from error
    lines = [line for line in lines if line]
    if not lines:
        raise ValueError(f"{what} is empty")
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(lines[0]):
            raise ValueError(f"{what}: row {number} has {len(line)} columns, the first one {len(lines[0])}")
    return {name.strip(): [line[n] for line in lines[1:]] for n, name in enumerate(lines[0])}


def _from_columns(table, what):
    if not hasattr(table, "keys"):
        raise ValueError(f"{what} must be the path of a CSV file or {{column: numbers}}, not {type(table).__name__}")
    return {name: list(table[name]) for name in table.keys()}


def _merges(columns, what):
    for name in ("Filter", "Representative"):
        if name not in columns:
            raise ValueError(f"{what} has no column {name}: the table of SimilarityGroups has one")
    filters, into = (_whole(columns[name], f"{what}, {name}") for name in ("Filter", "Representative"))
    states = _whole(columns["State"], f"{what}, State") if "State" in columns else [-1] * len(filters)
    if not len(filters) == len(into) == len(states):
        raise ValueError(f"{what}: its columns differ in length")
    if sorted(filters) != list(range(len(filters))):
        raise ValueError(f"{what} must have each filter from 0 to {len(filters) - 1} once")
    for number, other in zip(filters, into):
        if not -1 <= other < len(filters):
            raise ValueError(f"{what}: filter {number} cannot be merged into {other} of {len(filters)}")
    found = {}
    for number, other, state in zip(filters, into, states):
        if not -3 <= state < len(filters):
            raise ValueError(f"{what}: filter {number} has a state {state} that is not known")
        if state >= 0 or state == PRUNED:
            found[number] = state if state >= 0 else NOT_MERGED
        elif other not in (number, NOT_MERGED):
            found[number] = other
    _follow(found, what)
    return found, len(filters)


def _follow(found, what):
    """What is merged into one that goes too is merged into what stands in for that."""
    for number in list(found):
        other, seen = found[number], {number}
        while other in found:
            if other in seen:
                raise ValueError(f"{what}: filters {number} and {other} are merged into each other")
            seen.add(other)
            other = found[other]
        found[number] = other


def _whole(values, what):
    found = []
    for value in values:
        try:
            number = float(value)
            if number != int(number):
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"{what} holds {value!r}, which is no whole number") from None
        found.append(int(number))
    return found
