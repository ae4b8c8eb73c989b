"""What a replay says in a shell: a few plain lines.

Owns which figures are worth a line. Must not know the page.
"""

from bashgah.replay_result import Pair, Report


def summary(report: Report) -> list[str]:
    """Give the lines: what happened, what the draft would have been, and how far apart."""
    happened, draft = report.happened, report.draft
    gains, shops, speed = report.gains, report.merchant_gains, report.speed

    def both(name: str) -> Pair:
        return Pair(happened=happened[name], draft=draft[name])

    versions = f"version {report.draft_version} over version {report.live_version}"
    won = f"{gains.winners:,} win, {gains.losers:,} lose, together {gains.sum_minor:+,}"
    lines = [
        f"programme {report.programme} ({report.name}): {versions}",
        _line("purchases approved", both("purchases")),
        _line("declined by the programme", both("declined")),
        _line("sales, minor units", both("sales_minor")),
        _line("discounts", both("discount_minor")),
        _line("  paid by the club", both("discount_club_minor")),
        _line("points earned", both("points_earned")),
        _line("points redeemed", both("points_redeemed")),
        _line("points that ended", both("points_expired")),
        _line("points owed in the end", report.points_owed),
        _line("  not open yet", report.points_pending),
        _line("points owed, minor units", report.liability_minor),
        _line("cost to the club", report.cost_minor),
        f"members: {gains.count:,}; {won}",
        f"merchants: {shops.count:,}; {shops.winners:,} get more, {shops.losers:,} get less",
    ]
    if report.tiers is not None:
        lines.append(f"levels: {report.tiers.changed:,} members would have another one")
    lines.append(
        f"{speed.rows:,} rows, {speed.purchases:,} purchases,"
        f" {speed.purchases_per_core_second:,} purchases/s a core, {speed.seconds:.1f} s in all"
    )
    return lines


def _line(name: str, pair: Pair) -> str:
    return f"{name:<26} {pair.happened:>20,} {pair.draft:>20,} {pair.draft - pair.happened:>+20,}"
