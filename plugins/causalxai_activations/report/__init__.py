"""Report builders of the concepts in activations."""
