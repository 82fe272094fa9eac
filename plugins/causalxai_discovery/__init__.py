"""Graph discovery from observed concepts alone: GES, PC, DirectLiNGAM, RESIT and a control."""

__version__ = "0.9.0"
