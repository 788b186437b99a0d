"""Why a template goes where it goes, as tables for people."""

from __future__ import annotations

from rich.console import Console

from argosy.api.plan import Plan
from argosy.api.reasons import AffinityReasons, ClusterReason
from cli.output import plain, table


def print_reasons(out: Console, plan: Plan) -> None:
    """Print a decision: what called for it, what came out, and a reason for every group and cluster."""
    lines = [
        ("Decision", plan.message),
        ("Because", plan.trigger),
        ("Division", plan.strategy),
        ("Behaviour", f"{plan.behaviour}{_mended(plan)}"),
        ("Needs", ", ".join(str(ref) for ref in plan.dependencies.values())),
        ("Needed by", ", ".join(name.partition("/")[2] for name in plan.required_by)),
        ("Scheduled", f"{plan.scheduled_at:%Y-%m-%d %H:%M:%S} UTC" if plan.scheduled_at else ""),
    ]
    for label, text in lines:
        if text:
            out.print(f"[bold]{label + ':':<11}[/bold]{plain(text)}")
    for tried in plan.reasons:
        _print_group(out, tried)
    if plan.omitted:
        out.print(
            f"\n… and {plan.omitted} more clusters that were not chosen; -o json has no more of them either"
        )


def _print_group(out: Console, tried: AffinityReasons) -> None:
    if tried.affinity:
        verdict = tried.error.message if tried.error else "chosen"
        out.print(f"\n[bold]Affinity group {plain(tried.affinity)}[/bold]: {plain(verdict)}")
    if tried.groups:
        out.print()
        grid = table("spread by", "group", "clusters", "score", "chosen", "reason")
        for group in tried.groups:
            grid.add_row(
                group.field,
                plain(group.name),
                str(group.clusters),
                str(group.score),
                "yes" if group.chosen else "no",
                plain(group.reason),
            )
        out.print(grid)
    if tried.clusters:
        out.print()
        grid = table("cluster", "chosen", "replicas", "score", "room", "reason")
        for one in tried.clusters:
            grid.add_row(
                plain(one.cluster),
                "no" if one.share is None else "yes",
                _number(one.share or None),
                _number(one.score),
                _number(one.capacity),
                plain(_reason(one)),
            )
        out.print(grid)


def _reason(one: ClusterReason) -> str:
    tier = f"overflow group {one.tier}" if one.tier else ""
    why = f"{one.rejected_by}: {one.reason}" if one.rejected_by else one.reason
    return "; ".join(part for part in (tier, why) if part)


def _mended(plan: Plan) -> str:
    return f" (may differ from Karmada by {', '.join(plan.mends)})" if plan.mends else ""


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
