"""Storage: records, the store of results, and files of graphs."""
