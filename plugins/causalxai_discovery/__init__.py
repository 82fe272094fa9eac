"""Graph discovery from observed concepts alone: GES, PC, DirectLiNGAM, RESIT and a control."""
