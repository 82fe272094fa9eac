"""``make trust``: many small attacks on the promises of docs/trust.md, family by family."""
