"""Operations: health, metrics, pruning and repair."""
