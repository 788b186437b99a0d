"""Access to member clusters. The only package that imports `kubernetes`."""
