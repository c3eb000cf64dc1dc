"""The definition's passes on a GPU, as CUDA graphs."""
