#!/usr/bin/env python3
"""Tests of the engine of this machine by itself."""

import resource
import signal

from regress_testing import PATIENCE, RegressTest, main
from local import LocalEngine
from plan import Shard


class Nothing(Shard):
    """A shard whose process ends by itself."""

    def words(self, folder):
        return ["true"]


class Engine(RegressTest):
    def test_as_many_shards_as_a_large_machine_has_cores(self):
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, limits[1]), limits[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        engine = LocalEngine(self.folder, 600)
        self.addCleanup(signal.alarm, 0)
        signal.alarm(PATIENCE)
        engine.submit([Nothing("one", [index]) for index in range(engine.room())])
        self.assertEqual(engine.room(), 0)
        ended = []
        while engine.running:
            ended += engine.poll(10)
        self.assertEqual(sorted(shard.indexes[0] for shard, right, _ in ended if right), list(range(600)))


if __name__ == "__main__":
    main()
