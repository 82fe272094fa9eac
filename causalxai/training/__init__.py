"""Training loops that go on where they were stopped."""
