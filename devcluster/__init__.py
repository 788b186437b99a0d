"""Local member clusters and Temporal for `argosy dev` and the tests."""
