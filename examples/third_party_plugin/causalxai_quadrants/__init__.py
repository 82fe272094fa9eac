"""A plugin of each kind for causalxai, about the brightness of an image's quadrants."""
