# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The times of day in which an outage may begin, by the clock of this controller."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

SPAN = re.compile(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})")
DAY = 24 * 60


class WindowError(ValueError):
    """What an operator wrote is no window; the message says what one looks like."""


def spans_of(text: str) -> list[tuple[int, int]]:
    """Given windows as an operator writes them, return them as minutes of the day: when each opens and closes."""
    return [_span(part.strip(), text) for part in str(text or "").split(",") if part.strip()]


def _span(part, text):
    found = SPAN.fullmatch(part)
    minutes = [int(found[hour]) * 60 + int(found[hour + 1]) for hour in (1, 3)] if found else [0, 0]
    in_range = found and int(found[2]) < 60 and int(found[4]) < 60 and minutes[0] < DAY and minutes[1] <= DAY
    if not in_range or minutes[0] == minutes[1]:
        raise WindowError(
            f"microbosh_outage_window is {text}, and {part} is no window. Write from when to when, as in 01:00-04:00, "
            "22:30-00:30 over midnight, or several with commas between them; empty for any time."
        )
    return minutes[0], minutes[1] % DAY


def outage_window(text: str, now: float) -> dict:
    """Given windows as an operator writes them, and the time, return what they say of it.

    ``open`` is whether an outage may begin now, ``words`` what was asked for, in words, empty without a window, and
    ``refusal`` why no outage may begin now and when one may, else empty.
    """
    spans, local = spans_of(text), datetime.fromtimestamp(float(now)).astimezone()
    if not spans:
        return {"open": True, "words": "", "refusal": ""}
    words = f"{', '.join(f'{_clock(opens)}-{_clock(closes)}' for opens, closes in spans)} {local.tzname()}"
    if any(_holds(local.hour * 60 + local.minute, *span) for span in spans):
        return {"open": True, "words": words, "refusal": ""}
    opens = min(_next(opens, local) for opens, dummy in spans)
    return {
        "open": False,
        "words": words,
        "refusal": f"No outage may begin now, at {local:%H:%M} {local.tzname()} on this controller, as "
        f"microbosh_outage_window is {words}. It opens at {opens:%H:%M} {opens.tzname()}, in {_duration(opens, local)}",
    }


def _holds(minute, opens, closes):
    if opens < closes:
        return opens <= minute < closes
    return minute >= opens or minute < closes


def _next(opens, local):
    """Return when a window opens next."""
    today = local.replace(tzinfo=None, hour=opens // 60, minute=opens % 60, second=0, microsecond=0)
    times = [(today + timedelta(days=days)).astimezone() for days in (0, 1)]
    return next(time for time in times if time > local)


def _clock(minute):
    return f"{minute // 60:02}:{minute % 60:02}"


def _duration(later, now):
    minutes = max(1, -int((now - later).total_seconds() // 60))
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
