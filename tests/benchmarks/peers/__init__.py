"""Side by side: ours and other people's, for the same promise, on the same two servers, in the same run.

The promise is an effect that is durable and happens exactly once: what was asked for is handled although a worker dies, and
handled twice it has one effect. Everybody keeps it with the same one row in the same PostgreSQL (fsync on), inserted under the
task's own id, so that a second time inserts nothing, and committed before the task is acknowledged.

Everybody gets 32 clients in one process and one process that works, which may handle 32 at once; results are not kept; every
option that the peer's own documents name for speed is set. Two figures: how many a second, from the first that is asked to the
last effect that can be read, and how late an effect can be read at 50 a second. Each module says what its peer promises beyond
that, and what it does not.

`python -m tests.benchmarks.peers arq '{…}'` runs one round of one peer, in an environment that has it, and prints its figures.
"""
