r"""A page of results, made from nothing but the files of ``tables.py``.

    python benchmarks/report_tables.py docs/results/esc10.csv.gz \
        --curves docs/results/curves.csv.gz --pictures docs/results > docs/results.md

Every number is read or computed here, and the paper's stand beside ours. Of systems
that have several settings, S2, the one is chosen on validation clips that all others
are compared with; what is reported is of evaluation clips. ``--curves`` are files of
``few_labels.py``, run with several numbers of labels or of unlabeled clips.
"""

import argparse
import csv
import gzip
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from few_labels import compare
from matplotlib import rc_context
from matplotlib.figure import Figure
from scipy import stats
from tables import (
    COMPETITORS,
    PAST,
    TABLE_2,
    TABLE_3,
    average,
    build_tagger,
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
CORPORA = {
    "soundscapes": "Soundscapes of ESC-10",
    "esc10": "ESC-10",
    "aisfx": "ESC-10 by the frames of aisfx",
    "fsdd": "Spoken digits (FSDD)",
    "dcase2018": "DCASE 2018 task 4",
}
# what a reader wants to know first: with unlabeled sound, and without
SUMMARY = (
    "TripletTagger",
    "augmented supervised CNN",
    "log-mel statistics + LR",
)
TITLES = {"f1": "macro F1", "map": "mAP"}
Systems = dict[str, dict[tuple, dict]]


def read(paths: list[str]) -> list[dict]:
    """Return the lines of all files."""
    lines = []
    for path in paths:
        # a line holds every parameter, and compresses to a twentieth
        opened = gzip.open if path.endswith(".gz") else open
        with opened(path, "rt", newline="") as file:
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
    # never broken into two lines, however narrow the column
    return text if np.isnan(half) else f"{text}\xa0±\xa0{100 * half:.1f}"


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
            f"{mean}\xa0±\xa0{half} / "
            f"{write_mean(systems, name_cell(strategy, ratio)) or '-'}"
            for ratio, (mean, half) in zip(RATIOS, cells, strict=True)
        ]
        for strategy, cells in PAPER_TABLE_3.items()
    ]
    return draw_table(["L / (U + L)", *RATIOS], rows)


def write_summary(sections: dict[tuple, list[dict]]) -> str:
    """Return a line for each corpus and number of labels, of few systems."""
    head = ["labeled + unlabeled", *SUMMARY, "the first less the second"]
    rows = []
    for (corpus, _, labels), lines in sections.items():
        systems, metric = group_runs(lines), find_metric(lines)
        told = f"{labels} + {lines[0]['unlabeled']}, {TITLES[metric]}"
        cells = [f"{CORPORA[corpus]}: {told}"]
        cells += [write_mean(systems, name, metric) for name in SUMMARY]
        both = (systems.get(name, {}) for name in SUMMARY[:2])
        mean, half, n_runs = compare(*both, metric)
        runs = f" ({n_runs} runs)" if n_runs else ""
        rows.append([*cells, percent(mean, half, "+") + runs])
    return draw_table(head, rows)


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
    if n_runs == 1:  # which has no interval
        verdict += ", but of a single run"
    elif abs(mean) <= half:
        verdict += ", but the interval holds zero"
    lead = percent(mean, half, "+")
    return f"- {claim}: {ahead} less {behind} is {lead} ({n_runs} runs): {verdict}."


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


def list_leads(systems: Systems, metric: str) -> Iterator[str | None]:
    """Yield whether TripletTagger is ahead of what it is made of, and of the others."""
    rivals = [
        name
        for name, row in (TABLE_2 | TABLE_3 | COMPETITORS | PAST).items()
        if row.build is not build_tagger and name in systems
    ]
    if rivals:
        # only what ran on the same clips can be the best of them
        most = max(len(systems[name]) for name in rivals)
        rivals = [name for name in rivals if len(systems[name]) == most]
        best = max(rivals, key=lambda n: average(systems[n], f"valid_{metric}"))
        claim = "TripletTagger > whatever else is best on validation clips"
        yield judge(systems, claim, "TripletTagger", best, metric)
    claims = {
        "Unlabeled sound pays": "augmented supervised CNN",
        "Pseudo-labels pay": "without pseudo-labels: triplets + classification",
        "Triplets pay": "without triplets",
        "Guessing in the loop pays": "pseudo-labels once, at the end",
        "Augmentation pays": "without augmentation",
        "The deep encoder pays": "the paper's encoder",
    }
    for claim, name in claims.items():
        yield judge(systems, claim, "TripletTagger", name, metric)


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


def write_section(lines: list[dict], pictures: Path | None) -> str:
    """Return tables and findings of one corpus, budget and number of labels."""
    systems, metric = group_runs(lines), find_metric(lines)
    first = lines[0]
    commits = sorted({line["commit"] for line in lines})
    parts = [
        f"## {CORPORA[first['corpus']]}, {first['labels']} labeled clips, "
        f"{first['unlabeled']} unlabeled",
        f"Budget `{first['budget']}`, {first['evaluated']} clips to evaluate in a "
        f"turn, commit {', '.join(commits)}. All in per cent, with 95 % intervals.",
    ]
    if first["budget"] != "night":
        parts.append("**Trained for minutes, to see that all runs: no results.**")
    # of fewer cells the list of all systems says as much
    if sum(name in systems for name in TABLE_2) > 2:
        parts += ["### Table 2, the paper / here (macro F1)", write_table_2(systems)]
        parts += ["### Table 3, the paper / here (macro F1)", write_table_3(systems)]
    parts += ["### All systems", write_all(systems, metric)]
    if pictures is not None:
        name = f"{first['corpus']}_{first['labels']}.svg"
        draw_leads(systems, metric, pictures / name)
        told = f"How far every system is ahead of {choose_reference(systems, metric)}"
        parts.append(f"![{told}]({pictures.name}/{name})")
    # the paper's score, and beside it the one that needs no threshold
    for score, title in {"f1": "macro F1", metric: TITLES[metric]}.items():
        findings = [found for found in list_findings(systems, score) if found]
        parts += [f"### What holds of the paper ({title})", "\n".join(findings)]
    leads = [found for found in list_leads(systems, metric) if found]
    if leads:
        parts += [f"### What lies past it ({TITLES[metric]})", "\n".join(leads)]
    parts += ["### F1 by class", write_classes(systems, metric)]
    missing = [name for name in {**TABLE_2, **TABLE_3, **COMPETITORS, **PAST}
               if name not in systems]  # fmt: skip
    if missing:
        parts.append("Not run: " + "; ".join(missing) + ".")
    return "\n\n".join(parts)


def draw_leads(systems: Systems, metric: str, path: Path) -> None:
    """Draw how far systems are ahead of the chosen S2, with 95 % intervals.

    Those with fewer runs are in the table alone: beside others their place would say
    more of the runs than of them.
    """
    reference = choose_reference(systems, metric)
    most = len(systems[reference])
    names = [n for n, runs in systems.items() if n != reference and len(runs) == most]
    names = names[::-1]
    leads = [compare(systems[name], systems[reference], metric) for name in names]
    means, halves, _ = 100 * np.array(leads).T
    figure = Figure((7, 0.24 * len(names) + 1), layout="constrained")
    axes = figure.subplots()
    axes.errorbar(means, range(len(names)), xerr=halves, fmt="o", ms=4, capsize=2)
    axes.axvline(0, color="gray", lw=1)
    axes.set(yticks=range(len(names)), yticklabels=names)
    axes.set(ylim=(-1, len(names)), xlabel=f"{TITLES[metric]} ahead of {reference}, %")
    axes.grid(axis="x", alpha=0.3)
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # the same bytes from the same numbers
    with rc_context({"svg.hashsalt": "tables", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None})


# --- learning curves


def group_curves(lines: list[dict], axis: str) -> Iterator[tuple[tuple, dict]]:
    """Yield each corpus, and what is held fast, with its systems along the axis.

    Parameters
    ----------
    lines : list of dict
        Of ``few_labels.py``.
    axis : {"labels", "unlabeled"}
        What varies; there are two numbers of it or more.

    Yields
    ------
    key : tuple
        The corpus and the other one of the two numbers.
    curves : dict
        By system, and by number, the results of the runs that all points have.
    """
    other = {"labels": "unlabeled", "unlabeled": "labels"}[axis]
    groups: dict[tuple, dict] = {}
    for line in lines:
        curves = groups.setdefault((line["corpus"], line[other]), {})
        runs = curves.setdefault(line["system"], {}).setdefault(line[axis], {})
        runs[line["split"], int(line["seed"])] = line
    for key, curves in groups.items():
        curves = {name: points for name, points in curves.items() if len(points) > 1}
        found = [runs for points in curves.values() for runs in points.values()]
        common = set(found[0]).intersection(*found) if found else set()
        if len(common) > 2:  # of two runs the interval says nothing
            yield (
                key,
                {
                    name: {
                        n: {run: runs[run] for run in common} for n, runs in p.items()
                    }
                    for name, p in curves.items()
                },
            )


def sort_points(points: dict) -> list[str]:
    """Return numbers of clips in their order; all of them come last."""
    return sorted(points, key=lambda n: float("inf" if n == "all" else n))


def write_curves(lines: list[dict], axis: str, pictures: Path | None) -> Iterator[str]:
    """Yield for each corpus a table, and a picture of it."""
    told = {"labels": "labeled clips", "unlabeled": "unlabeled clips"}
    for (corpus, fixed), curves in group_curves(lines, axis):
        first = next(iter(next(iter(curves.values())).values()))
        metric = find_metric(list(first.values()))
        other = told["unlabeled" if axis == "labels" else "labels"]
        where = CORPORA.get(corpus, corpus)
        title = f"{TITLES[metric]} over {told[axis]}, {where}, {fixed} {other}"
        yield f"## {title}"
        columns = sort_points({n for points in curves.values() for n in points})
        rows = [
            [name, *(write_mean(points, n, metric) for n in columns)]
            for name, points in curves.items()
        ]
        yield draw_table([told[axis], *columns], rows)
        yield tell_runs(curves)
        if pictures is not None:
            name = f"{axis}_{corpus}.svg"
            draw_curves(curves, columns, metric, told[axis], pictures / name)
            yield f"![{title}]({pictures.name}/{name})"


def tell_runs(curves: dict) -> str:
    """Say how many runs stand behind a point, and of which commits."""
    runs = [list(found.values()) for p in curves.values() for found in p.values()]
    counts = sorted({len(found) for found in runs})
    commits = sorted({line["commit"] for found in runs for line in found})
    several = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
    return f"{several} runs a point, 95 % intervals; commit {', '.join(commits)}."


def draw_curves(curves: dict, columns: list, metric: str, label: str, path: Path):
    figure = Figure((6, 4), layout="constrained")
    axes = figure.subplots()
    for name, points in curves.items():
        at = [columns.index(n) for n in sort_points(points)]
        found = [points[columns[i]] for i in at]
        means = np.array([average(runs, metric) for runs in found])
        halves = np.array([spread(runs, metric) for runs in found])
        (line,) = axes.plot(at, 100 * means, "o-", ms=4, label=name)
        band = 100 * (means - halves), 100 * (means + halves)
        axes.fill_between(at, *band, color=line.get_color(), alpha=0.15, lw=0)
    axes.set_xticks(range(len(columns)), columns)
    axes.set(xlabel=label, ylabel=f"{TITLES[metric]}, %")
    axes.grid(alpha=0.3)
    axes.legend()
    save(figure, path)


def write_page(lines: list[dict], curves: list[dict], pictures: Path | None) -> str:
    """Return the page: a section for each corpus and number of labels, and curves."""
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
    parts = [head, write_summary(sections)]
    parts += (write_section(found, pictures) for found in sections.values())
    for axis in ("labels", "unlabeled"):
        parts += write_curves(curves, axis, pictures)
    return "\n\n".join(parts) + "\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("csv", nargs="+", help="files of tables.py")
    parser.add_argument("--curves", nargs="+", default=[], help="of few_labels.py")
    parser.add_argument("--pictures", type=Path, help="their folder, beside the page")
    options = parser.parse_args(arguments)
    page = write_page(read(options.csv), read(options.curves), options.pictures)
    print(page, end="")


if __name__ == "__main__":
    main()
