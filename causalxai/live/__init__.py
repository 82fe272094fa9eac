"""Parts around objects that are in memory already, filed under digests of what these are."""
