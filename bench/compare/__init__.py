"""`make bench`: compares the service with others, on one machine and in one run.

- `works`: the workloads and the targets (marks).
- `subjects`: the services that are measured: how each is started, and its requests for each workload.
- `load`: one measurement, with wrk or pgbench.
- `report`: medians, tables and targets. `plot` draws the results.
"""
