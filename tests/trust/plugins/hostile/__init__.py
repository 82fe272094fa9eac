"""Parts that misbehave, each in one way, at every point of their lives."""
