"""A page of results, made from nothing but the files of ``tables.py``.

    python benchmarks/report_tables.py soundscapes.csv esc10.csv > docs/results.md

Every number is read or computed here, and the paper's stand beside ours. Of systems
that have several settings, S2, the one is chosen on validation clips that all others
are compared with; what is reported is of evaluation clips.
"""

import argparse
import csv
import itertools
import json
from collections.abc import Iterator

import numpy as np
from few_labels import compare
from scipy import stats
from tables import (
    COMPETITORS,
    PAST,
    TABLE_2,
    TABLE_3,
    average,
    choose_reference,
    find_metric,
    group_runs,
)

STRATEGIES = "S1", "S2", "S3", "S4", "S5"
COUNTS = "31 560", "85 780", "159 900"
RATIOS = ".75", ".5", ".375", ".25"
# macro F1 in per cent, of the evaluation set of DCASE 2018 task 4
PAPER_TABLE_2 = {
    #          S1     S2     S3     S4     S5
    "31 560": (52.32, 54.35, 50.96, 42.47, 53.59),
    "85 780": (51.44, 54.57, 46.13, 42.72, 51.85),
    "159 900": (51.62, 52.27, 38.59, 42.19, 49.95),
}
PAPER_TABLE_3 = {
    #      L/(U+L) .75            .5            .375          .25
    "S2": ((55.16, 0.7), (54.35, 0.7), (47.3, 6.2), (17.42, 26.8)),
    "S3": ((51.58, 2.2), (50.96, 2.0), (30.02, 19.8), (0.0, 0.0)),
}
PAPER_ROWS = {"CRNN on log-mels": 49.61, "tagger on log-mels": 35.29}
TITLES = {"f1": "macro F1", "map": "mAP"}
Systems = dict[str, dict[tuple, dict]]


def read(paths: list[str]) -> list[dict]:
    """Return the lines of all files."""
    lines = []
    for path in paths:
        with open(path, newline="") as file:
            lines += csv.DictReader(file)
    return lines


def name_cell(strategy: str, ratio: str) -> str:
    """Return the row of a cell of Table 3; one of them is in Table 2."""
    return f"{strategy}, {COUNTS[0]}" if ratio == ".5" else f"{strategy}, L {ratio}"


def spread(runs: dict, metric: str) -> float:
    """Return half the 95 % t-interval of a mean; NaN of a single run."""
    values = [float(line[metric]) for line in runs.values()]
    if len(values) < 2:
        return float("nan")
    return float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))


def percent(value: float, half: float = float("nan"), sign: str = "") -> str:
    """Write a fraction in per cent, with what it may be off by if that is known."""
    if np.isnan(value):
        return ""
    text = f"{100 * value:{sign}.1f}"
    return text if np.isnan(half) else f"{text} ± {100 * half:.1f}"


def write_mean(systems: Systems, name: str, metric: str = "f1") -> str:
    runs = systems.get(name)
    return percent(average(runs, metric), spread(runs, metric)) if runs else ""


def draw_table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join(
        "| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows]
    )


def write_table_2(systems: Systems) -> str:
    rows = [
        [count]
        + [
            f"{paper:.2f} / {write_mean(systems, f'{strategy}, {count}') or '-'}"
            for strategy, paper in zip(STRATEGIES, PAPER_TABLE_2[count], strict=True)
        ]
        for count in COUNTS
    ]
    return draw_table(["triplets of the paper", *STRATEGIES], rows)


def write_table_3(systems: Systems) -> str:
    rows = [
        [strategy]
        + [
            f"{mean} ± {half} / "
            f"{write_mean(systems, name_cell(strategy, ratio)) or '-'}"
            for ratio, (mean, half) in zip(RATIOS, cells, strict=True)
        ]
        for strategy, cells in PAPER_TABLE_3.items()
    ]
    return draw_table(["L / (U + L)", *RATIOS], rows)


def write_all(systems: Systems, metric: str) -> str:
    """Return what each system reaches, beside the S2 that validation chose."""
    reference = choose_reference(systems, metric)
    several = metric == "map"
    head = ["", "macro F1", *(["F1, thresholds tuned", "mAP"] if several else [])]
    head += [f"ahead of {reference}, {TITLES[metric]}", "runs", "seconds", "paper"]
    rows = []
    for name, runs in systems.items():
        mean, half, n_runs = compare(runs, systems[reference], metric)
        scores = ("f1", "tuned_f1", "map") if several else ("f1",)
        cells = [write_mean(systems, name, score) for score in scores]
        seconds = np.median([float(line["seconds"]) for line in runs.values()])
        lead = "" if name == reference else percent(mean, half, "+")
        paper = PAPER_ROWS.get(name, "")
        rows.append([name, *cells, lead, str(n_runs), f"{seconds:.1f}", f"{paper}"])
    return draw_table(head, rows)


def write_classes(systems: Systems, metric: str) -> str:
    """Return the F1 of each class, of three systems."""
    names = [choose_reference(systems, metric), "CRNN on log-mels", "TripletTagger"]
    names = [name for name in names if name in systems]
    found = [
        [json.loads(line["class_f1"]) for line in systems[name].values()]
        for name in names
    ]
    rows = [
        [label, *(percent(np.mean([f1[label] for f1 in runs])) for runs in found)]
        for label in found[0][0]
    ]
    return draw_table(["", *names], rows)


def judge(
    systems: Systems, claim: str, ahead: str, behind: str, metric: str
) -> str | None:
    """Say whether one system is ahead of another; None where one was not run."""
    if ahead not in systems or behind not in systems:
        return None
    mean, half, n_runs = compare(systems[ahead], systems[behind], metric)
    verdict = "holds" if mean > 0 else "does not hold"
    if not abs(mean) > half:  # a single run has no interval
        verdict += ", but the interval holds zero"
    lead = percent(mean, half, "+")
    return f"- {claim}: {ahead} is {lead} ahead of {behind} ({n_runs} runs): {verdict}."


def list_findings(systems: Systems, metric: str) -> Iterator[str | None]:
    """Yield each finding of section 4.6, and whether it holds here."""
    for count, (ahead, behind) in itertools.product(
        COUNTS, (("S2", "S5"), ("S5", "S1"))
    ):
        names = f"{ahead}, {count}", f"{behind}, {count}"
        yield judge(systems, "S2 > S5 > S1", *names, metric)
    for count in COUNTS:
        others = [f"{s}, {count}" for s in STRATEGIES if s != "S4"]
        others = [name for name in others if name in systems]
        if others:
            lowest = min(others, key=lambda name: average(systems[name], metric))
            yield judge(systems, "S4 is the worst", lowest, f"S4, {count}", metric)
    for strategy in ("S2", "S3", "S3, one of 5 nearest", "S3, farther than a copy"):
        yield tell_share(systems, strategy, metric)
    first, middle, last = (f"S2, {count}" for count in COUNTS)
    claim = "Unlabeled sound helps S2 up to a point"
    yield judge(systems, claim, middle, first, metric)
    yield judge(systems, claim, middle, last, metric)
    for name in PAPER_ROWS:
        yield judge(systems, "S2 > baselines", f"S2, {COUNTS[0]}", name, metric)


def tell_share(systems: Systems, strategy: str, metric: str) -> str | None:
    """Say what is left of a strategy where a quarter of the triplets is labeled."""
    names = f"{strategy}, L .25", strategy
    if strategy in PAPER_TABLE_3:
        names = name_cell(strategy, ".25"), name_cell(strategy, ".5")
    if any(name not in systems for name in names):
        return None
    few, half = (average(systems[name], metric) for name in names)
    told = ""
    if strategy in PAPER_TABLE_3:
        paper = [PAPER_TABLE_3[strategy][RATIOS.index(r)][0] for r in (".25", ".5")]
        told = f" ({paper[0] / paper[1]:.0%} in the paper)"
    verdict = "collapses" if few < 0.5 * half else "does not collapse"
    return (
        f"- S2 and S3 collapse at few labeled triplets: of its score at .5, "
        f"{strategy} keeps {few / half:.0%} at .25{told}: it {verdict} here."
    )


def write_section(lines: list[dict]) -> str:
    """Return tables and findings of one corpus, budget and number of labels."""
    systems, metric = group_runs(lines), find_metric(lines)
    first = lines[0]
    commits = sorted({line["commit"] for line in lines})
    parts = [
        f"## {first['corpus']}, {first['labels']} labeled clips, {first['unlabeled']} "
        f"unlabeled",
        f"Budget `{first['budget']}`, {first['evaluated']} clips to evaluate in a "
        f"turn, commit {', '.join(commits)}. All in per cent, with 95 % intervals.",
    ]
    if first["budget"] != "night":
        parts.append("**Trained for minutes, to see that all runs: no results.**")
    if any(name in systems for name in TABLE_2):
        parts += ["### Table 2, the paper / here (macro F1)", write_table_2(systems)]
        parts += ["### Table 3, the paper / here (macro F1)", write_table_3(systems)]
    parts += ["### All systems", write_all(systems, metric)]
    # the paper's score, and beside it the one that needs no threshold
    for score, title in {"f1": "macro F1", metric: TITLES[metric]}.items():
        findings = [found for found in list_findings(systems, score) if found]
        parts += [f"### What holds of the paper ({title})", "\n".join(findings)]
    parts += ["### F1 by class", write_classes(systems, metric)]
    missing = [name for name in {**TABLE_2, **TABLE_3, **COMPETITORS, **PAST}
               if name not in systems]  # fmt: skip
    if missing:
        parts.append("Not run: " + "; ".join(missing) + ".")
    return "\n\n".join(parts)


def write_page(lines: list[dict]) -> str:
    """Return the page: a section for each corpus and number of labels."""
    sections: dict[tuple, list[dict]] = {}
    for line in lines:
        key = line["corpus"], line["budget"], int(line["labels"])
        sections.setdefault(key, []).append(line)
    head = (
        "# The paper's tables, here\n\nMade by `benchmarks/report_tables.py` from the "
        "results of `benchmarks/tables.py`; no number is typed by hand. The paper's "
        "are of DCASE 2018 task 4, ours of the corpora that are named, so that what "
        "can be compared is the order of the rows. The S2 of Tables 2 and 3 that is "
        "best on validation clips is what all are compared with; differences are "
        "paired by turn and label subset, and of evaluation clips. Intervals take "
        "these runs as independent, though turns share clips to train on."
    )
    return "\n\n".join([head, *map(write_section, sections.values())]) + "\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("csv", nargs="+", help="files of tables.py")
    print(write_page(read(parser.parse_args(arguments).csv)), end="")


if __name__ == "__main__":
    main()
