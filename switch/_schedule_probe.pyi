"""Python handles on `_calendar` and `_schedule` in C, for benchmarks: loops without objects."""

from switch.calendar import Calendar
from switch.instalments import Terms

def convert_times(calendar: Calendar, first_day: int, times: int) -> int:
    """Convert that many days to dates and back; how many came back."""

def month_times(calendar: Calendar, first_day: int, times: int) -> int:
    """Find the month that holds a day, that many times; how many hold theirs."""

def schedule_times(declared: Terms, principal_minor: int, anchor_day: int, times: int) -> int:
    """Compute that many schedules; how many instalments they had."""
