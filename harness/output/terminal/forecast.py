"""What a plan will take, as ``harness run --dry-run`` shows it: calls, tokens and cost by stage."""

from __future__ import annotations

from collections.abc import Sequence

from harness.design.plan import Plan
from harness.output.terminal import WIDTH, filled
from harness.preflight.forecast import Load, total


def text(plan: Plan, found: Sequence[Load]) -> str:
    """The plan in a table: who is asked how often, and what it may cost."""
    own = {each.name: plan.size(each.name) for each in plan.design.sets}
    sizes = ", ".join(f"{size} {split}" for split, size in {**plan.sizes, **own}.items())
    rows = [
        "plugins: " + ", ".join(f"{kind} {choice.name}" for kind, choice in plan.plugins.items()),
        f"problems: {sizes}{f', at most {plan.limit} of each' if plan.limit else ''}; seed {plan.seed}",
        *_trainings(plan),
        "",
        f"{'stage':<16} {'for':<19} {'calls':>6} {'input tok.':>11} {'output tok.':>12} {'usual USD':>10}",
    ]
    rows += [_load(load) for load in found]
    rows += [
        "",
        str(total(found)),
        "low: short replies; usual: replies of 300 to 500 tokens; worst: replies at their",
        "limit. Tokens are estimates; a strategy still to be learned counts as 150.",
    ]
    if any(load.at_most for load in found):
        rows += ["<=: at most; how many depends on what a student gets wrong."]
    if plan.simulated:
        rows += [f"SIMULATED: {', '.join(plan.simulated)}"]
    return "\n".join(filled(row, rest="") if len(row) > WIDTH else row for row in rows)


def _trainings(plan: Plan) -> list[str]:
    """How often, and with which seeds, each trained arm is trained."""
    if not plan.trains:
        return []
    seeds = ", ".join(map(str, plan.seeds))
    if plan.training_seeds == 1:
        return [f"training: each trained arm once, seed {seeds}"]
    return [f"training: each trained arm {plan.training_seeds} times, seeds {seeds}; calls are those of all"]


def _load(load: Load) -> str:
    calls = f"<={load.calls}" if load.at_most else str(load.calls)
    head = f"{load.stage:<16} {f'{load.purpose} {load.split}':<19} {calls:>6}"
    if load.cost is None:
        return f"{head} {'':>11} {'':>12} {'local':>10}"
    return f"{head} {load.input_tokens:>11} {load.output_tokens:>12} {_usd(load.cost.expected):>10}"


def _usd(cost: float | None) -> str:
    return "unknown" if cost is None else f"{cost:.2f}"
