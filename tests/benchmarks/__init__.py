"""`make bench`: what things cost, as ratios against what the same servers can do at all, measured in the same run."""
