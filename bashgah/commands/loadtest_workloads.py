"""`bashgah loadtest workloads`: which workloads ship, and what they are made of."""

from loadtest.workload import load_workload, workload_names


def command() -> None:
    """List the workloads that ship."""
    for name in workload_names():
        workload = load_workload(name)
        print(f"{name}: {workload.about}")
        total = sum(scenario.weight for scenario in workload.scenario)
        for scenario in workload.scenario:
            steps = ", ".join(step.kind or "repeat" for step in scenario.step)
            what = f"garbage ({scenario.garbage})" if scenario.garbage else steps
            print(f"    {scenario.weight / total:6.1%}  {scenario.name}: {what}")
