"""The service beside others on one machine, in one run: `make bench`.

- `works`: what is measured, and the marks.
- `subjects`: who is measured, how each is started, and what each is asked for a work.
- `load`: one measurement, with wrk or pgbench.
- `report`: medians, tables and marks; `plot` draws them.
"""
