"""The graph of jobs: what can be done now, what waits, and what a failure ends."""

from __future__ import annotations

from causalxai.comparison.jobs import Batch, Job, JobGraph

STAGES = (
    "dataset",
    "classifier",
    "concepts",
    "oracle",
    "graph",
    "explain",
    "metrics.a",
    "metrics.b",
)


def keys(name: str, **own: str) -> dict[str, str]:
    """Return the keys of a run, which shares stages before ``explain`` unless they are ``own``."""
    found = {stage: own.get(stage.replace(".", "_"), "same") for stage in STAGES}
    differs = False
    for stage in found:
        differs = differs or found[stage] != "same" or stage == "explain"
        found[stage] = f"{name}{found[stage]}" if differs else "same"
    return {**found, "report": name}


def graph_of(*runs: dict[str, str], stored: set[Job] | None = None) -> JobGraph:
    return JobGraph(runs, lambda job: job in (stored or set()))


def stages(batch: Batch | None) -> list[str]:
    assert batch is not None
    return [job.stage for job in batch.jobs]


def finish(graph: JobGraph, batch: Batch | None) -> None:
    assert batch is not None
    graph.give_back(batch)
    for job in batch.jobs:
        graph.done(job)


def test_one_run_is_one_batch_for_one_process():
    graph = graph_of(keys("a"))
    assert len(graph) == 7
    assert graph.stages == {*STAGES, "report"} - {"dataset", "oracle"}
    batch = graph.next_batch(free=1)
    assert stages(batch) == [
        "classifier",
        "concepts",
        "graph",
        "explain",
        "metrics.a",
        "metrics.b",
        "report",
    ]
    assert batch is not None
    assert batch.first
    assert graph.next_batch(free=1) is None
    finish(graph, batch)
    assert len(graph) == 0
    assert graph.stages == set()
    assert graph.next_batch(free=1) is None


def test_a_batch_ends_where_other_runs_wait_for_its_last_job():
    graph = graph_of(keys("a"), keys("b"), keys("c", concepts="own"))
    first = graph.next_batch(free=2)
    assert stages(first) == ["classifier"]
    assert graph.next_batch(free=1) is None
    finish(graph, first)
    shared, own = graph.next_batch(free=2), graph.next_batch(free=1)
    assert (stages(shared), shared and shared.run) == (["concepts", "graph"], 0)
    assert (stages(own)[0], stages(own)[-1], own and own.run) == ("concepts", "report", 2)
    assert shared is not None
    assert own is not None
    assert (shared.first, own.first) == (False, True)
    assert len(set(shared.jobs) | set(own.jobs)) == 8
    finish(graph, shared)
    assert [graph.next_batch(free=1).run for _ in range(2)] == [0, 1]  # type: ignore[union-attr]


def test_one_process_alone_goes_on_with_its_run():
    graph = graph_of(keys("a"), keys("b"))
    first = graph.next_batch(free=1, alone=True)
    assert (stages(first)[0], stages(first)[-1], len(stages(first))) == ("classifier", "report", 7)
    finish(graph, first)
    assert stages(graph.next_batch(free=1, alone=True))[0] == "explain"


def test_the_job_that_most_others_wait_for_comes_first():
    graph = graph_of(keys("a", classifier="own"), keys("b", concepts="x"), keys("c", concepts="y"))
    batch = graph.next_batch(free=1)
    assert batch is not None
    assert batch.jobs[0] == Job("classifier", "same")


def test_metrics_of_one_run_are_divided_among_idle_processes():
    done = {Job(stage, "asame") for stage in ("explain",)}
    before = {Job(stage, "same") for stage in ("classifier", "concepts", "graph")}
    graph = graph_of(keys("a"), stored=done | before)
    one, other = graph.next_batch(free=2), graph.next_batch(free=1)
    assert (stages(one), stages(other)) == (["metrics.a"], ["metrics.b"])
    finish(graph, one)
    assert graph.next_batch(free=1) is None
    finish(graph, other)
    assert stages(graph.next_batch(free=2)) == ["report"]
    alone = graph_of(keys("a"), stored=done | before)
    assert stages(alone.next_batch(free=1)) == ["metrics.a", "metrics.b", "report"]


def prepared_keys(name: str, **own: str) -> dict[str, str]:
    """Return the keys of a run whose graph is prepared while its concepts are trained."""
    found = keys(name, **own)
    stages = list(found)
    before = stages[: stages.index("graph")]
    prepared = {"preparation": "same"}
    return {**{each: found[each] for each in before}, **prepared, **found}


def test_a_graph_is_prepared_while_concepts_are_trained():
    graph = graph_of(prepared_keys("a"), prepared_keys("b"))
    finish(graph, graph.next_batch(free=2))
    trained, prepared = graph.next_batch(free=2), graph.next_batch(free=1)
    assert (stages(trained), stages(prepared)) == (["concepts"], ["preparation"])
    finish(graph, trained)
    assert graph.next_batch(free=1) is None
    finish(graph, prepared)
    assert stages(graph.next_batch(free=1)) == ["graph"]
    alone = graph_of(prepared_keys("a")).next_batch(free=1, alone=True)
    assert stages(alone)[:4] == ["classifier", "concepts", "preparation", "graph"]


def test_a_graph_that_is_there_is_not_prepared():
    before = {Job(stage, "same") for stage in ("classifier", "concepts")}
    for done in (Job("graph", "same"), Job("preparation", "same")):
        graph = graph_of(prepared_keys("a"), stored={*before, done})
        assert "preparation" not in graph.stages
        assert ("graph" in graph.stages) == (done.stage != "graph")


def test_what_a_batch_did_not_do_is_given_out_again():
    graph = graph_of(keys("a"))
    batch = graph.next_batch(free=1)
    assert batch is not None
    graph.give_back(batch)
    for job in batch.jobs[:2]:
        graph.done(job)
    assert stages(graph.next_batch(free=1)) == stages(batch)[2:]


def test_only_the_report_is_left_of_a_run_whose_report_is_stored():
    graph = graph_of(keys("a"), stored={Job("report", "a")})
    assert stages(graph.next_batch(free=4)) == ["report"]


def test_runs_with_the_same_keys_are_one():
    graph = graph_of(keys("a"), keys("a"))
    batch = graph.next_batch(free=1)
    assert len(graph) == 7
    assert stages(batch)[-1] == "report"
    assert graph.runs(Job("report", "a")) == [0, 1]


def test_a_failure_ends_its_run_and_no_other():
    graph = graph_of(keys("a"), keys("b"))
    finish(graph, graph.next_batch(free=1))
    batch = graph.next_batch(free=1)
    assert batch is not None
    graph.give_back(batch)
    graph.fail(batch.jobs[0], batch.run, "broken")
    assert graph.failed == {batch.run: "broken"}
    rest = graph.next_batch(free=1)
    assert rest is not None
    assert rest.run == 1 - batch.run
    finish(graph, rest)
    assert len(graph) == 0


def test_a_shared_job_that_fails_twice_for_the_same_reason_ends_all_its_runs():
    graph = graph_of(keys("a"), keys("b"), keys("c"), keys("d", classifier="own"))
    for run, reason in enumerate(["a's own mistake", "no memory"]):
        batch = graph.next_batch(free=1)
        assert batch is not None
        assert batch.run == run
        graph.give_back(batch)
        graph.fail(batch.jobs[0], batch.run, reason)
        assert graph.failed[run] == reason
    batch = graph.next_batch(free=1)
    assert batch is not None
    graph.give_back(batch)
    graph.fail(batch.jobs[0], batch.run, "no memory")
    assert graph.failed == {0: "a's own mistake", 1: "no memory", 2: "no memory"}
    left = graph.next_batch(free=1)
    assert left is not None
    assert left.run == 3
