"""What the benchmarks beside other engines share: environments, workers, turns, files."""
