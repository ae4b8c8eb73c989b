"""The switch's decisions in plain Python: the readable witness of the compiled core.

Written from the interface and from what a programme says, not from the plan's steps.
Slow and right.
"""
