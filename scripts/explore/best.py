"""Answers on a terminal: which point is best, and what the other formats give there."""

from axes import GBYTES, text_of
from expressions import ExpressionError, Unknown
from metrics import BY_NAME, METRICS
from results import CHANCE, NEAR

SHOWN = ("tokens_per_second", "items_per_second", "area_mm2", "clock_mhz", "gmacs", "utilization", "waiting_share",
         "pj_per_mac", "uj_per_item", "sqnr_db", "cosine_distance")


def shown(value):
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return text_of(value)


def table(heads, rows):
    rows = [heads, *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    for row in rows:
        print("  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]).rstrip())


def print_axes(axes):
    print("Axes, all of which a spec sets (make explore SPEC=FILE):")
    print("  " + ", ".join(axes.names) + f"; {GBYTES} may stand in the place of dram_bandwidth")
    print("Metrics, in conditions and queries:")
    for metric in METRICS:
        print(f"  {metric.name:23} {metric.unit:10} {metric.text}{' (an assumption)' if metric.assumed else ''}")
    return 0


def varying(spec):
    """The axes that have more than one value, which tell points apart."""
    return [axis for axis, values in spec.axes.items() if len(values) > 1]


def row(point, axes, metrics):
    return [point.name, *(text_of(point.axes[axis]) for axis in axes), *(shown(point.values.get(name)) for name in metrics)]


def print_point(scheduler):
    point, = scheduler.spec.points
    print(f"point {point.name}: {point.status}{': ' + point.reason if point.reason else ''}")
    for axis, value in point.axes.items():
        print(f"  {axis:23} {text_of(value)}")
    for metric in METRICS:
        if point.values.get(metric.name) is not None:
            print(f"  {metric.name:23} {point.values[metric.name]!r} {metric.unit}{' (assumed)' if metric.assumed else ''}")
    for kind, command in scheduler.commands(point).items():
        print(f"  {kind:10} {command}")
    return 0 if point.status == "done" else 1


def candidates(args, scheduler):
    """The points that the question is about; raises ExpressionError where it is none."""
    condition = scheduler.spec.condition(args.where) if args.where else None
    found = []
    for point in scheduler.spec.points:
        if point.status != "done":
            continue
        try:
            if condition is None or condition.holds({**point.axes, **point.values}):
                found.append(point)
        except Unknown:
            continue
    return found


def check(args, spec):
    """Raises ExpressionError where the question is none."""
    metric = args.most or args.least
    if metric not in BY_NAME:
        raise ExpressionError(f"there is no metric '{metric}'; there are {', '.join(BY_NAME)}")
    if args.where:
        spec.condition(args.where)


def answer(args, scheduler):
    """Prints the best point of a question, and the best of each format beside it. The exit code."""
    metric = args.most or args.least
    sign = -1 if args.most else 1
    other = [point for point in scheduler.spec.points if point.status in ("failed", "left")]
    if other:
        print(f"explore: {len(other)} of {len(scheduler.spec.points)} points failed or were not run, as {other[0].name}: {other[0].reason}")
    points = [point for point in candidates(args, scheduler) if point.values.get(metric) is not None]
    if not points:
        print(f"explore: no point with {metric} fits{' ' + args.where if args.where else ''}")
        return 1
    # Of equals the smaller one is better.
    points.sort(key=lambda point: (sign * point.values[metric], point.values.get("area_mm2", 0), point.name))
    first = points[0]
    axes, shown_metrics = varying(scheduler.spec), list(dict.fromkeys([metric, *SHOWN]))
    shown_metrics = [name for name in shown_metrics if any(point.values.get(name) is not None for point in points)]
    heads = ["point", *axes, *shown_metrics]
    print(f"The {'most' if args.most else 'least'} {metric} of {len(points)} points"
          + (f" with {args.where}" if args.where else "") + ":")
    table(heads, [row(first, axes, shown_metrics)])
    others = [next(point for point in points if point.axes["format"] == name)
              for name in dict.fromkeys(point.axes["format"] for point in points)]
    if len(others) > 1:
        print("The best of each format:")
        table(heads, [row(point, axes, shown_metrics) for point in others])
        print(CHANCE)
        if "cosine_distance" in shown_metrics:
            print(NEAR)
    same = [point for point in scheduler.spec.points if point.status == "done" and point is not first
            and all(point.axes[axis] == value for axis, value in first.axes.items() if axis != "format")]
    if same:
        print("The same array in the other formats, whether or not it fits:")
        table(heads, [row(point, axes, shown_metrics) for point in same])
    for kind, command in scheduler.commands(first).items():
        print(f"{kind:10} {command}")
    return 0
